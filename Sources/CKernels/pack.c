// Between interleaved RGB, planes, columns and patch rows.
#include "clones.h"
#include "images.h"
#include "transpose.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

// RGB to columns; STORE(plane, x, y, levels) takes 16 levels of a column.
#define COLUMNS_FROM_RGB                                                                              \
  for (intptr_t x = 0; x < width; x += 16)                                                            \
    for (intptr_t y = 0; y < height; y += 16) {                                                       \
      intptr_t wide = width - x < 16 ? width - x : 16, tall = height - y < 16 ? height - y : 16;      \
      const uint8_t *from = rgb + y * row_bytes + 3 * x;                                              \
      intptr_t stride = row_bytes;                                                                    \
      uint8_t block[16][48];                                                                          \
      if (wide < 16 || tall < 16) {                                                                   \
        memset(block, 0, sizeof block);                                                               \
        for (intptr_t i = 0; i < tall; i++) memcpy(block[i], from + i * row_bytes, 3 * wide);         \
        from = block[0];                                                                              \
        stride = 48;                                                                                  \
      }                                                                                               \
      u8x16 red[16], green[16], blue[16];                                                             \
      for (intptr_t i = 0; i < 16; i++) {                                                             \
        const u8x16_unaligned *row = (const u8x16_unaligned *)(from + i * stride);                    \
        u8x16 a = row[0], b = row[1], c = row[2], part;                                               \
        part = __builtin_shufflevector(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, -1, -1, -1, -1, -1);\
        red[i] = __builtin_shufflevector(part, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);\
        part = __builtin_shufflevector(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, -1, -1, -1, -1, -1);\
        green[i] = __builtin_shufflevector(part, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);\
        part = __builtin_shufflevector(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, -1, -1, -1, -1, -1, -1);\
        blue[i] = __builtin_shufflevector(part, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);\
      }                                                                                               \
      transpose16(red);                                                                               \
      for (intptr_t j = 0; j < wide; j++) STORE(0, x + j, y, red[j]);                                 \
      transpose16(green);                                                                             \
      for (intptr_t j = 0; j < wide; j++) STORE(1, x + j, y, green[j]);                               \
      transpose16(blue);                                                                              \
      for (intptr_t j = 0; j < wide; j++) STORE(2, x + j, y, blue[j]);                                \
    }

typedef int16_t i16x16 __attribute__((vector_size(32)));
typedef int16_t i16x16_unaligned __attribute__((vector_size(32), aligned(2)));

VECTORIZED
void emanate_columns_from_rgb(const uint8_t *rgb, intptr_t row_bytes, intptr_t width, intptr_t height,
                              uint8_t *columns, intptr_t column_bytes, intptr_t plane_bytes) {
#define STORE(plane, x, y, levels) \
  *(u8x16_unaligned *)(columns + (plane)*plane_bytes + (x)*column_bytes + (y)) = levels
  COLUMNS_FROM_RGB
#undef STORE
}

VECTORIZED
void emanate_columns16_from_rgb(const uint8_t *rgb, intptr_t row_bytes, intptr_t width, intptr_t height,
                                int16_t *columns, intptr_t column_numbers, intptr_t plane_numbers) {
#define STORE(plane, x, y, levels)                                                     \
  *(i16x16_unaligned *)(columns + (plane)*plane_numbers + (x)*column_numbers + (y)) =          \
      __builtin_convertvector(levels, i16x16) << 7
  COLUMNS_FROM_RGB
#undef STORE
}

VECTORIZED
void emanate_planes_from_rgb(const uint8_t *restrict rgb, intptr_t count, uint8_t *restrict planes) {
  for (intptr_t i = 0; i < count; i++) {
    planes[i] = rgb[3 * i];
    planes[count + i] = rgb[3 * i + 1];
    planes[2 * count + i] = rgb[3 * i + 2];
  }
}

VECTORIZED
void emanate_rgb_from_planes(const uint8_t *restrict planes, intptr_t count, uint8_t *restrict rgb) {
  for (intptr_t i = 0; i < count; i++) {
    rgb[3 * i] = planes[i];
    rgb[3 * i + 1] = planes[count + i];
    rgb[3 * i + 2] = planes[2 * count + i];
  }
}

void emanate_mirror_rows(uint8_t *planes, intptr_t width, intptr_t height) {
  for (intptr_t y = 0; y < 3 * height; y++) {
    uint8_t *row = planes + y * width;
    for (intptr_t left = 0, right = width - 1; left < right; left++, right--) {
      uint8_t level = row[left];
      row[left] = row[right];
      row[right] = level;
    }
  }
}

typedef uint8_t u8x8 __attribute__((vector_size(8)));
typedef uint8_t u8x8_unaligned __attribute__((vector_size(8), aligned(1)));
typedef uint8_t u8x4_unaligned __attribute__((vector_size(4), aligned(1)));
typedef float f32x8 __attribute__((vector_size(32)));
typedef float f32x4 __attribute__((vector_size(16)));
typedef float f32x8_unaligned __attribute__((vector_size(32), aligned(4)));
typedef float f32x4_unaligned __attribute__((vector_size(16), aligned(4)));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef int32_t i32x4 __attribute__((vector_size(16)));

// Stores run through the rows in order: sweeping the image's lines instead costs several times as much.
#define PATCH_ROWS(P)                                                                                   \
  for (intptr_t top = 0; top < side; top += (P))                                                        \
    for (intptr_t left = 0; left < side; left += (P))                                                   \
      for (intptr_t channel = 0; channel < 3; channel++) {                                              \
        const uint8_t *source = planes + (channel * side + top) * side + left;                          \
        float a = scale[channel], b = bias[channel];                                                    \
        for (intptr_t i = 0; i < (P); i++, source += side, rows += (P)) {                               \
          intptr_t j = 0;                                                                               \
          for (; j + 8 <= (P); j += 8)                                                                  \
            *(f32x8_unaligned *)(rows + j) =                                                            \
                a * __builtin_convertvector(                                                            \
                        __builtin_convertvector(*(const u8x8_unaligned *)(source + j), i32x8), f32x8) + \
                b;                                                                                      \
          for (; j + 4 <= (P); j += 4)                                                                  \
            *(f32x4_unaligned *)(rows + j) =                                                            \
                a * __builtin_convertvector(                                                            \
                        __builtin_convertvector(*(const u8x4_unaligned *)(source + j), i32x4), f32x4) + \
                b;                                                                                      \
          for (; j < (P); j++) rows[j] = source[j] * a + b;                                             \
        }                                                                                               \
      }

VECTORIZED
void emanate_patch_rows(const uint8_t *restrict planes, intptr_t side, intptr_t patch,
                        const float *restrict scale, const float *restrict bias, float *restrict rows) {
  switch (patch) {
  case 16: PATCH_ROWS(16) break;
  case 8: PATCH_ROWS(8) break;
  case 4: PATCH_ROWS(4) break;
  default: PATCH_ROWS(patch)
  }
}
