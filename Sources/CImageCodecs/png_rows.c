#include "png_rows.h"

#include <string.h>

#include "../CKernels/clones.h"

#define INLINE static inline __attribute__((always_inline))

// A pixel of one to four bytes, widened: filters count past 8 bits. Lanes past the pixel's bytes hold its
// neighbours', and what is stored of them is overwritten with the next pixel.
typedef int16_t pixel __attribute__((vector_size(8)));
typedef uint8_t u8x4 __attribute__((vector_size(4)));
typedef uint8_t u8x16 __attribute__((vector_size(16)));

INLINE pixel load(const uint8_t *from) {
  u8x4 bytes;
  memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, pixel);
}

INLINE void store(uint8_t *to, pixel value) {
  u8x4 bytes = __builtin_convertvector(value, u8x4);
  memcpy(to, &bytes, sizeof bytes);
}

INLINE pixel choose(pixel mask, pixel yes, pixel no) { return (mask & yes) | (~mask & no); }

// Of left, above and upper left the nearest to left + above - upper left, the first of equals: with
// t = 3 upper left - left - above it is the greater of left and above where t is no more than the lesser, the
// lesser where t is no less than the greater, and upper left between them.
INLINE pixel paeth(pixel left, pixel above, pixel upper_left) {
  pixel t = upper_left * 3 - above - left, order = left < above;
  pixel lesser = choose(order, left, above), greater = choose(order, above, left);
  return choose(t <= lesser, greater, choose(greater <= t, lesser, upper_left));
}

// `size` is a constant wherever this is inlined. Pixels follow from one another, so that only what is inside
// a pixel runs side by side.
INLINE void unfilter(int filter, const size_t size, const uint8_t *restrict filtered,
                     const uint8_t *restrict above, uint8_t *restrict row, size_t count) {
  pixel left = {0}, upper_left = {0};
  switch (filter) {
    case 1:
      for (size_t i = 0; i < count; i += size) {
        left = (left + load(filtered + i)) & 0xFF;
        store(row + i, left);
      }
      break;
    case 2:
      for (size_t i = 0; i < count; i++) row[i] = filtered[i] + above[i];
      break;
    case 3:
      for (size_t i = 0; i < count; i += size) {
        left = (load(filtered + i) + ((left + load(above + i)) >> 1)) & 0xFF;
        store(row + i, left);
      }
      break;
    case 4:
      for (size_t i = 0; i < count; i += size) {
        pixel up = load(above + i);
        left = (load(filtered + i) + paeth(left, up, upper_left)) & 0xFF;
        upper_left = up;
        store(row + i, left);
      }
      break;
  }
}

VECTORIZED
void emanate_png_unfilter(int filter, size_t pixel_bytes, const uint8_t *restrict filtered,
                          const uint8_t *restrict above, uint8_t *restrict row, size_t count) {
  switch (pixel_bytes) {
    case 1: unfilter(filter, 1, filtered, above, row, count); break;
    case 2: unfilter(filter, 2, filtered, above, row, count); break;
    case 3: unfilter(filter, 3, filtered, above, row, count); break;
    case 4: unfilter(filter, 4, filtered, above, row, count); break;
  }
}

// Four pixels at a time, of which the stores reach four bytes further.
VECTORIZED
void emanate_png_drop_alpha(const uint8_t *restrict rgba, uint8_t *restrict rgb, size_t width) {
  size_t x = 0;
  for (; x + 6 <= width; x += 4) {
    u8x16 four;
    memcpy(&four, rgba + 4 * x, sizeof four);
    four = __builtin_shufflevector(four, four, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
    memcpy(rgb + 3 * x, &four, sizeof four);
  }
  for (; x < width; x++) memcpy(rgb + 3 * x, rgba + 4 * x, 3);
}

INLINE void blend(const uint8_t *restrict row, const size_t samples, const uint8_t background[3],
                  uint8_t *restrict rgb, size_t width) {
  for (size_t x = 0; x < width; x++) {
    const uint8_t *pixel = row + samples * x;
    int alpha = pixel[samples - 1];
    for (size_t c = 0; c < 3; c++) {
      int sum = pixel[samples == 4 ? c : 0] * alpha + background[c] * (255 - alpha) + 128;
      rgb[3 * x + c] = (uint8_t)(((sum >> 8) + sum) >> 8);
    }
  }
}

VECTORIZED
void emanate_png_blend(const uint8_t *restrict row, size_t samples, const uint8_t background[3],
                       uint8_t *restrict rgb, size_t width) {
  if (samples == 4) {
    blend(row, 4, background, rgb, width);
  } else {
    blend(row, 2, background, rgb, width);
  }
}

void emanate_png_expand_gray(
    const uint8_t *restrict levels, size_t step, uint8_t *restrict rgb, size_t width) {
  for (size_t x = 0; x < width; x++) rgb[3 * x] = rgb[3 * x + 1] = rgb[3 * x + 2] = levels[x * step];
}

INLINE int number(const uint8_t *numbers, size_t x, const int depth) {
  size_t bit = x * (size_t)depth;
  return numbers[bit / 8] >> (8 - depth - (int)(bit % 8)) & ((1 << depth) - 1);
}

// Each colour is written with a fourth byte, which the next one overwrites; the last stays within its row.
INLINE void expand(const uint8_t *restrict numbers, const int depth, const uint8_t colors[256][4],
                   uint8_t *restrict rgb, size_t width) {
  for (size_t x = 0; x + 1 < width; x++) memcpy(rgb + 3 * x, colors[number(numbers, x, depth)], 4);
  memcpy(rgb + 3 * (width - 1), colors[number(numbers, width - 1, depth)], 3);
}

void emanate_png_expand_palette(const uint8_t *restrict numbers, int depth, const uint8_t colors[256][4],
                                uint8_t *restrict rgb, size_t width) {
  switch (depth) {
    case 1: expand(numbers, 1, colors, rgb, width); break;
    case 2: expand(numbers, 2, colors, rgb, width); break;
    case 4: expand(numbers, 4, colors, rgb, width); break;
    case 8: expand(numbers, 8, colors, rgb, width); break;
  }
}
