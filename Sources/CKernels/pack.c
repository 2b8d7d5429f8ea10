// Between interleaved RGB, planes, columns and patch rows.
#include "clones.h"
#include "images.h"

#pragma STDC FP_CONTRACT OFF

VECTORIZED
void emanate_columns_from_rgb(const uint8_t *rgb, intptr_t row_bytes, intptr_t width, intptr_t height,
                              uint8_t *columns, intptr_t column_bytes, intptr_t plane_bytes) {
  for (intptr_t x0 = 0; x0 < width; x0 += 16)
    for (intptr_t y0 = 0; y0 < height; y0 += 16)
      for (intptr_t channel = 0; channel < 3; channel++)
        for (intptr_t x = x0; x < x0 + 16 && x < width; x++)
          for (intptr_t y = y0; y < y0 + 16; y++)
            columns[channel * plane_bytes + x * column_bytes + y] =
                y < height ? rgb[y * row_bytes + 3 * x + channel] : 0;
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

// Stores run through the rows in order: sweeping the image's lines instead costs several times as much.
#define PATCH_ROWS(P)                                                                                              \
  for (intptr_t top = 0; top < side; top += (P))                                                                   \
    for (intptr_t left = 0; left < side; left += (P))                                                              \
      for (intptr_t channel = 0; channel < 3; channel++) {                                                         \
        const uint8_t *source = planes + (channel * side + top) * side + left;                                     \
        float a = scale[channel], b = bias[channel];                                                               \
        for (intptr_t i = 0; i < (P); i++, source += side, rows += (P))                                            \
          for (intptr_t j = 0; j < (P); j++) rows[j] = source[j] * a + b;                                          \
      }

VECTORIZED
void emanate_patch_rows(const uint8_t *restrict planes, intptr_t side, intptr_t patch, const float *restrict scale,
                        const float *restrict bias, float *restrict rows) {
  switch (patch) {
  case 16: PATCH_ROWS(16) break;
  case 8: PATCH_ROWS(8) break;
  case 4: PATCH_ROWS(4) break;
  default: PATCH_ROWS(patch)
  }
}
