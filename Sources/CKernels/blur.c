// Gaussian blur as Pillow does it (src/libImaging/BoxBlur.c): three box passes an axis, each rounded to 8
// bits.
#include "clones.h"
#include "images.h"
#include "transpose.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#pragma STDC FP_CONTRACT OFF

// The weights of a box in 2^-24: of the pixels wholly inside, and of the one at either end.
static void box_weights(float box, int32_t *radius, uint32_t *near, uint32_t *far) {
  *radius = (int32_t)box;
  *near = (uint32_t)((float)(1 << 24) / (box * 2 + 1));
  *far = ((1 << 24) - (uint32_t)(*radius * 2 + 1) * *near) / 2;
}

// `lines` lines of `length` levels, `step` bytes between levels and `stride` between lines.
static void box_pass(uint8_t *plane, intptr_t length, intptr_t step, intptr_t lines, intptr_t stride,
                     float box, uint8_t *line) {
  int32_t radius;
  uint32_t near, far;
  box_weights(box, &radius, &near, &far);
  for (intptr_t y = 0; y < lines; y++) {
    uint8_t *levels = plane + y * stride;
    for (intptr_t x = 0; x < length; x++) line[x] = levels[x * step];
#define AT(x) ((uint32_t)line[(x) < 0 ? 0 : (x) >= length ? length - 1 : (x)])
    uint32_t sum = 0;
    for (intptr_t x = -radius - 1; x < radius; x++) sum += AT(x);
    for (intptr_t x = 0; x < length; x++) {
      sum += AT(x + radius) - AT(x - radius - 1);
      levels[x * step] =
          (uint8_t)((sum * near + (AT(x - radius - 1) + AT(x + radius + 1)) * far + (1 << 23)) >> 24);
    }
#undef AT
  }
}

void emanate_box_blur_exact(uint8_t *plane, intptr_t width, intptr_t height, float radius, uint8_t *scratch) {
  if (radius == 0) return;
  for (int pass = 0; pass < 3; pass++) box_pass(plane, width, 1, height, width, radius, scratch);
  for (int pass = 0; pass < 3; pass++) box_pass(plane, height, width, width, 1, radius, scratch);
}

// Below radius 2: weights of 15 bits, levels in 16, sums in 32, which differ from Pillow's by at most .02 of
// a level before they are rounded. Weights are rounded down together, so ties fall as Pillow's do. Both axes
// are the same loop over LANES lanes side by side; the horizontal one runs over columns. A pass reads
// [-2, length + 2) of one buffer and writes [0, length) of the other, edges repeated.
#define LANES 32
#define EDGE 2

typedef uint16_t u16x16 __attribute__((vector_size(32)));

#define BOX_BLUR(ROUNDED_SUM)                                                                        \
  for (int pass = 0; pass < 3; pass++) {                                                             \
    for (int edge = 1; edge <= EDGE; edge++) {                                                       \
      memcpy(from - edge * LANES, from, LANES * sizeof *from);                                       \
      memcpy(from + (length - 1 + edge) * LANES, from + (length - 1) * LANES, LANES * sizeof *from); \
    }                                                                                                \
    for (intptr_t half = 0; half < LANES; half += 16) {                                              \
      u16x16 *in = (u16x16 *)(from + half), *out = (u16x16 *)(to + half);                            \
      u16x16 a = in[-4], b = in[-2], c = in[0], d = in[2], e;                                        \
      for (intptr_t x = 0; x < length; x++) {                                                        \
        e = in[2 * x + 4];                                                                           \
        u16x16 inside = is_wide ? b + c + d : c, ends = is_wide ? a + e : b + d;                     \
        out[2 * x] = ROUNDED_SUM(inside, ends);                                                      \
        a = b, b = c, c = d, d = e;                                                                  \
      }                                                                                              \
    }                                                                                                \
    uint16_t *swap = from;                                                                           \
    from = to, to = swap;                                                                            \
  }

struct box15 {
  int is_wide;
  uint16_t near, far;
};

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void box_blur_avx2(uint16_t *from, uint16_t *to, intptr_t length,
                                                          struct box15 box) {
  __m256i weights = _mm256_set1_epi32((int32_t)box.far << 16 | box.near),
          rounding = _mm256_set1_epi32(1 << 14);
#define SHARE(a, b, part)                                                                                   \
  _mm256_srli_epi32(                                                                                        \
      _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpack##part##_epi16((__m256i)(a), (__m256i)(b)), weights), \
                       rounding),                                                                           \
      15)
#define SUM_AVX2(a, b) ((u16x16)_mm256_packus_epi32(SHARE(a, b, lo), SHARE(a, b, hi)))
  if (box.is_wide) {
    const int is_wide = 1;
    BOX_BLUR(SUM_AVX2)
  } else {
    const int is_wide = 0;
    BOX_BLUR(SUM_AVX2)
  }
}
#endif

// What the compiler makes of 32-bit products; on x86-64 without AVX2 and elsewhere.
static void box_blur_plain(uint16_t *from, uint16_t *to, intptr_t length, struct box15 box) {
  typedef uint32_t u32x16 __attribute__((vector_size(64)));
#define SUM(a, b)                                                                       \
  __builtin_convertvector((__builtin_convertvector(a, u32x16) * box.near +              \
                           __builtin_convertvector(b, u32x16) * box.far + (1 << 14)) >> \
                              15,                                                       \
                          u16x16)
  const int is_wide = box.is_wide;
  BOX_BLUR(SUM)
}

static void box_blur_lanes(uint16_t *from, uint16_t *to, intptr_t length, struct box15 box) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    box_blur_avx2(from, to, length, box);
    return;
  }
#endif
  box_blur_plain(from, to, length, box);
}

static intptr_t strip_bytes(intptr_t length) {
  return (length + 2 * EDGE) * LANES * (intptr_t)sizeof(uint16_t);
}

intptr_t emanate_box_blur_scratch(intptr_t width, intptr_t height) {
  intptr_t length = width > height ? width : height;
  return 2 * strip_bytes(length) + LANES;
}

// 8 bits to 16 and back: LANES rows transposed, or LANES columns as they are.
VECTORIZED
static void widen_columns(const uint8_t *from, intptr_t stride, intptr_t rows, intptr_t width, uint16_t *to) {
  for (intptr_t lane = 0; lane < LANES; lane += 16)
    for (intptr_t x0 = 0; x0 < width; x0 += 16) {
      intptr_t x = x0 + 16 <= width ? x0 : width - 16;
      u8x16 block[16];
      for (intptr_t y = 0; y < 16; y++)
        block[y] = *(const u8x16_unaligned *)(from + (lane + y < rows ? lane + y : 0) * stride + x);
      transpose16(block);
      for (intptr_t j = 0; j < 16; j++)
        *(u16x16 *)(to + (x + j) * LANES + lane) = __builtin_convertvector(block[j], u16x16);
    }
}

VECTORIZED
static void narrow_columns(const uint16_t *from, intptr_t stride, intptr_t rows, intptr_t width,
                           uint8_t *to) {
  for (intptr_t lane = 0; lane < LANES && lane < rows; lane += 16)
    for (intptr_t x0 = 0; x0 < width; x0 += 16) {
      intptr_t x = x0 + 16 <= width ? x0 : width - 16;
      u8x16 block[16];
      for (intptr_t j = 0; j < 16; j++)
        block[j] = __builtin_convertvector(*(const u16x16 *)(from + (x + j) * LANES + lane), u8x16);
      transpose16(block);
      for (intptr_t y = 0; y < 16 && lane + y < rows; y++)
        *(u8x16_unaligned *)(to + (lane + y) * stride + x) = block[y];
    }
}

VECTORIZED
static void widen_rows(const uint8_t *from, intptr_t stride, intptr_t rows, intptr_t width, uint16_t *to) {
  if (width == LANES) {
    for (intptr_t y = 0; y < rows; y++)
      for (intptr_t x = 0; x < LANES; x++) to[y * LANES + x] = (uint16_t)(from[y * stride + x]);
  } else {
    for (intptr_t y = 0; y < rows; y++)
      for (intptr_t x = 0; x < LANES; x++)
        to[y * LANES + x] = x < width ? (uint16_t)(from[y * stride + x]) : 0;
  }
}

VECTORIZED
static void narrow_rows(const uint16_t *from, intptr_t stride, intptr_t rows, intptr_t width, uint8_t *to) {
  if (width == LANES) {
    for (intptr_t y = 0; y < rows; y++)
      for (intptr_t x = 0; x < LANES; x++) to[y * stride + x] = (uint8_t)(from[y * LANES + x]);
  } else {
    for (intptr_t y = 0; y < rows; y++)
      for (intptr_t x = 0; x < width; x++) to[y * stride + x] = (uint8_t)(from[y * LANES + x]);
  }
}

void emanate_box_blur(uint8_t *plane, intptr_t width, intptr_t height, float radius, uint8_t *scratch) {
  if (radius >= 2 || width < LANES) {
    emanate_box_blur_exact(plane, width, height, radius, scratch);
    return;
  }
  if (radius == 0) return;
  int32_t whole;
  uint32_t near, far;
  box_weights(radius, &whole, &near, &far);
  uint32_t near15 = near >> 9;
  near15 = near15 > 32767 ? 32767 : near15;
  struct box15 box = {whole == 1, (uint16_t)near15,
                      (uint16_t)((32768 - (uint32_t)(2 * whole + 1) * near15) / 2)};
  intptr_t length = width > height ? width : height;
  uint8_t *aligned = (uint8_t *)(((uintptr_t)scratch + LANES - 1) / LANES * LANES);
  uint16_t *from = (uint16_t *)aligned + EDGE * LANES;
  uint16_t *to = (uint16_t *)(aligned + strip_bytes(length)) + EDGE * LANES;
  for (intptr_t y = 0; y < height; y += LANES) {
    intptr_t rows = height - y < LANES ? height - y : LANES;
    widen_columns(plane + y * width, width, rows, width, from);
    box_blur_lanes(from, to, width, box);
    narrow_columns(to, width, rows, width, plane + y * width);
  }
  for (intptr_t x = 0; x < width; x += LANES) {
    intptr_t columns = width - x < LANES ? width - x : LANES;
    widen_rows(plane + x, width, height, columns, from);
    box_blur_lanes(from, to, height, box);
    narrow_rows(to, width, height, columns, plane + x);
  }
}
