// JFIF's luma and chroma to red, green and blue, with libjpeg's smooth upsampling and its arithmetic, bit for bit.
#include "clones.h"
#include "images.h"

#include <string.h>

// One row of `width` pixels, chroma already upsampled. Constants in 16 bits, as jdcolor.c has them.
VECTORIZED
static void convert_row(const uint8_t *restrict luma, const uint8_t *restrict blueness,
                        const uint8_t *restrict redness, intptr_t width, uint8_t *restrict red,
                        uint8_t *restrict green, uint8_t *restrict blue) {
  for (intptr_t x = 0; x < width; x++) {
    int32_t y = luma[x], cb = blueness[x] - 128, cr = redness[x] - 128;
    int32_t r = y + ((91881 * cr + 32768) >> 16), b = y + ((116130 * cb + 32768) >> 16);
    int32_t g = y + ((-22554 * cb - 46802 * cr + 32768) >> 16);
    red[x] = (uint8_t)(r < 0 ? 0 : r > 255 ? 255 : r);
    green[x] = (uint8_t)(g < 0 ? 0 : g > 255 ? 255 : g);
    blue[x] = (uint8_t)(b < 0 ? 0 : b > 255 ? 255 : b);
  }
}

// 3 parts of the nearer row and 1 of the one beyond.
VECTORIZED
static void mix_rows(const uint8_t *restrict near, const uint8_t *restrict far, intptr_t count,
                     uint16_t *restrict sums) {
  for (intptr_t i = 0; i < count; i++) sums[i] = (uint16_t)(3 * near[i] + far[i]);
}

VECTORIZED
static void narrow_sums(const uint16_t *restrict sums, intptr_t count, int bias, uint8_t *restrict out) {
  for (intptr_t i = 0; i < count; i++) out[i] = (uint8_t)((sums[i] + bias) >> 2);
}

// Sums of `count` samples, each 2^(shift - 2) times a level, to twice as many pixels: jdsample.c's fancy upsampling.
VECTORIZED
static void double_columns(const uint16_t *restrict sums, intptr_t count, int shift, uint8_t *restrict out) {
  int low = shift == 4 ? 8 : 1, high = shift == 4 ? 7 : 2;
  out[0] = (uint8_t)((4 * sums[0] + low) >> shift);
  for (intptr_t i = 1; i < count; i++) out[2 * i] = (uint8_t)((3 * sums[i] + sums[i - 1] + low) >> shift);
  for (intptr_t i = 0; i < count - 1; i++)
    out[2 * i + 1] = (uint8_t)((3 * sums[i] + sums[i + 1] + high) >> shift);
  out[2 * count - 1] = (uint8_t)((4 * sums[count - 1] + high) >> shift);
}

VECTORIZED
static void widen(const uint8_t *restrict levels, intptr_t count, uint16_t *restrict sums) {
  for (intptr_t i = 0; i < count; i++) sums[i] = levels[i];
}

// Row y of the image's chroma at the image's width, in `out` or where it stands.
static const uint8_t *upsampled(const struct emanate_chroma *chroma, const uint8_t *plane, intptr_t y,
                                uint16_t *sums, uint8_t *out) {
  intptr_t count = chroma->width, at = chroma->halves_rows ? y / 2 : y;
  const uint8_t *near = plane + at * chroma->row_bytes;
  if (chroma->halves_rows) {
    intptr_t beyond = y & 1 ? at + 1 : at - 1;
    beyond = beyond < 0 ? 0 : beyond > chroma->height - 1 ? chroma->height - 1 : beyond;
    mix_rows(near, plane + beyond * chroma->row_bytes, count, sums);
    if (!chroma->halves_columns) {
      narrow_sums(sums, count, y & 1 ? 2 : 1, out);
      return out;
    }
  } else {
    if (!chroma->halves_columns) return near;
    widen(near, count, sums);
  }
  double_columns(sums, count, chroma->halves_rows ? 4 : 2, out);
  return out;
}

intptr_t emanate_rgb_scratch(const struct emanate_chroma *chroma) { return 6 * chroma->width + 4; }

void emanate_rgb_from_ycbcr(const uint8_t *luma, intptr_t row_bytes, intptr_t width, intptr_t height,
                            const struct emanate_chroma *chroma, uint8_t *planes, uint16_t *scratch) {
  uint8_t *first = (uint8_t *)(scratch + chroma->width), *second = first + 2 * chroma->width;
  for (intptr_t y = 0; y < height; y++) {
    const uint8_t *blueness = upsampled(chroma, chroma->blueness, y, scratch, first);
    const uint8_t *redness = upsampled(chroma, chroma->redness, y, scratch, second);
    uint8_t *to = planes + y * width;
    convert_row(luma + y * row_bytes, blueness, redness, width, to, to + width * height,
                to + 2 * width * height);
  }
}

// Samples of chroma that make, with the darkest or the brightest of their luma, a colour outside 0...255 by more than
// 4 levels. Factors in 32nds: 16 bits suffice.
#define COUNT_OUTSIDE(STEP)                                                                                        \
  for (intptr_t x = 0; x < width; x++) {                                                                           \
    int16_t a = upper[(STEP)*x], b = upper[(STEP)*x + (STEP)-1], c = lower[(STEP)*x],                              \
            d = lower[(STEP)*x + (STEP)-1];                                                                        \
    int16_t high = a > b ? a : b, low = a < b ? a : b;                                                             \
    high = high > c ? high : c, low = low < c ? low : c;                                                           \
    high = high > d ? high : d, low = low < d ? low : d;                                                           \
    int16_t cb = (int16_t)(blueness[x] - 128), cr = (int16_t)(redness[x] - 128);                                   \
    int16_t r = (int16_t)((45 * cr) >> 5), g = (int16_t)((-11 * cb - 23 * cr) >> 5), u = (int16_t)((57 * cb) >> 5); \
    int16_t most = r > g ? r : g, least = r < g ? r : g;                                                           \
    most = most > u ? most : u, least = least < u ? least : u;                                                     \
    count += (high + most > 255 + 4) | (low + least < -4);                                                         \
  }

VECTORIZED
static uint32_t outside(const uint8_t *restrict upper, const uint8_t *restrict lower,
                        const uint8_t *restrict blueness, const uint8_t *restrict redness, intptr_t width,
                        int halves_columns) {
  uint32_t count = 0;
  if (halves_columns) {
    COUNT_OUTSIDE(2)
  } else {
    COUNT_OUTSIDE(1)
  }
  return count;
}

intptr_t emanate_outside_gamut(const uint8_t *luma, intptr_t row_bytes, intptr_t width, intptr_t height,
                               const struct emanate_chroma *chroma) {
  intptr_t count = 0;
  // An odd column's last pixel has no neighbour.
  intptr_t samples = chroma->halves_columns ? width / 2 : width;
  for (intptr_t y = 0; y < chroma->height; y++) {
    intptr_t upper = chroma->halves_rows ? 2 * y : y, lower = chroma->halves_rows ? upper + 1 : upper;
    lower = lower < height ? lower : upper;
    count += outside(luma + upper * row_bytes, luma + lower * row_bytes, chroma->blueness + y * chroma->row_bytes,
                     chroma->redness + y * chroma->row_bytes, samples, chroma->halves_columns);
  }
  return count;
}
