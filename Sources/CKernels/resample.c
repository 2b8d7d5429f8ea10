// Pillow's antialiased resampling (src/libImaging/Resample.c), bit for bit, as vector loops over columns and
// tiles.
#include "clones.h"
#include "images.h"
#include "transpose.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define FRACTION_BITS 22  // 32 - 8 - 2: 8 bits of result and two of room for weights outside 0...1
#define TILE 32

typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef uint8_t u8x8 __attribute__((vector_size(8)));

intptr_t emanate_axis_taps(float start, float end, intptr_t outputs, double support) {
  double scale = (double)(end - start) / outputs;
  return (intptr_t)ceil(support * (scale < 1 ? 1 : scale)) * 2 + 1;
}

// The order of every double operation is Pillow's: the weights must round to the same 22 bits.
VECTORIZED
void emanate_axis_weights(int bicubic, intptr_t inputs, float start, float end, intptr_t outputs,
                          intptr_t taps, int32_t *restrict first, int32_t *restrict count,
                          int32_t *restrict weights, double *restrict scratch) {
  double scale = (double)(end - start) / outputs;
  double filter_scale = scale < 1 ? 1 : scale;
  double support = (bicubic ? 2.0 : 1.0) * filter_scale;
  double inverse = 1.0 / filter_scale;
  double *restrict total = scratch, *restrict origin = scratch + outputs,
                   *restrict kernel = scratch + 2 * outputs;
  int32_t limit = (int32_t)inputs;
  for (int32_t x = 0; x < (int32_t)outputs; x++) {
    double center = start + (x + 0.5) * scale;
    int32_t low = (int32_t)(center - support + 0.5);
    int32_t high = (int32_t)(center + support + 0.5);
    low = low < 0 ? 0 : low;
    high = high > limit ? limit : high;
    first[x] = low;
    count[x] = high - low;
    origin[x] = center;
    total[x] = 0;
  }
  for (int32_t t = 0; t < (int32_t)taps; t++) {
    double *restrict w = kernel + t * outputs;
    if (bicubic) {
      for (intptr_t x = 0; x < outputs; x++) {
        double d = ((t + first[x]) - origin[x] + 0.5) * inverse;
        d = d < 0 ? -d : d;
        double near = ((-0.5 + 2.0) * d - (-0.5 + 3.0)) * d * d + 1;
        double far = (((d - 5) * d + 8) * d - 4) * -0.5;
        double value = d < 1.0 ? near : far;
        value = d < 2.0 ? value : 0.0;
        value = t < count[x] ? value : 0.0;
        w[x] = value;
        total[x] += value;
      }
    } else {
      for (intptr_t x = 0; x < outputs; x++) {
        double d = ((t + first[x]) - origin[x] + 0.5) * inverse;
        d = d < 0 ? -d : d;
        double value = d < 1.0 ? 1.0 - d : 0.0;
        value = t < count[x] ? value : 0.0;
        w[x] = value;
        total[x] += value;
      }
    }
  }
  for (intptr_t x = 0; x < outputs; x++) total[x] = total[x] == 0 ? 1 : total[x];
  for (intptr_t t = 0; t < taps; t++) {
    double *restrict w = kernel + t * outputs;
    int32_t *restrict out = weights + t * outputs;
    for (intptr_t x = 0; x < outputs; x++) {
      double value = w[x] / total[x] * (1 << FRACTION_BITS);
      out[x] = (int32_t)(value + (value < 0 ? -0.5 : 0.5));
    }
  }
}

#define LOAD8(p) __builtin_convertvector(*(const u8x8_unaligned *)(p), i32x8)
#define CLIPPED8(v)                                                                                         \
  __builtin_convertvector(__builtin_elementwise_max(                                                        \
                              __builtin_elementwise_min((v) >> FRACTION_BITS, (i32x8){} + 255), (i32x8){}), \
                          u8x8)
typedef uint8_t u8x8_unaligned __attribute__((vector_size(8), aligned(1)));

// 32 neighbouring outputs: the sum over `taps` lines `stride` bytes apart, each times its weight.
#define WEIGHTED_SUM(out, source, stride, weight, weight_stride, taps)              \
  do {                                                                              \
    i32x8 s0 = (i32x8){} + (1 << (FRACTION_BITS - 1)), s1 = s0, s2 = s0, s3 = s0;   \
    const uint8_t *line = (source);                                                 \
    const int32_t *k = (weight);                                                    \
    for (intptr_t t = 0; t < (taps); t++, line += (stride), k += (weight_stride)) { \
      i32x8 w = (i32x8){} + *k;                                                     \
      s0 += LOAD8(line) * w;                                                        \
      s1 += LOAD8(line + 8) * w;                                                    \
      s2 += LOAD8(line + 16) * w;                                                   \
      s3 += LOAD8(line + 24) * w;                                                   \
    }                                                                               \
    *(u8x8_unaligned *)(out) = CLIPPED8(s0);                                        \
    *(u8x8_unaligned *)((out) + 8) = CLIPPED8(s1);                                  \
    *(u8x8_unaligned *)((out) + 16) = CLIPPED8(s2);                                 \
    *(u8x8_unaligned *)((out) + 24) = CLIPPED8(s3);                                 \
  } while (0)

static intptr_t padded(intptr_t rows) { return (rows + TILE - 1) / TILE * TILE; }

intptr_t emanate_resize_scratch(intptr_t rows) { return 2 * TILE * padded(rows) + EMANATE_TAIL; }

VECTORIZED
void emanate_resize(const uint8_t *columns, intptr_t column_bytes, intptr_t column_plane_bytes, intptr_t row,
                    intptr_t rows, const struct emanate_axis *horizontal, const struct emanate_axis *vertical,
                    int mirrored, uint8_t *planes, uint8_t *scratch) {
  intptr_t width = horizontal->outputs, height = vertical ? vertical->outputs : rows, length = padded(rows);
  uint8_t *upright = scratch, *lying = scratch + TILE * length;
  for (intptr_t channel = 0; channel < 3; channel++) {
    const uint8_t *source = columns + channel * column_plane_bytes + row;
    uint8_t *plane = planes + channel * width * height;
    for (intptr_t x0 = 0; x0 < width; x0 += TILE) {
      intptr_t wide = width - x0 < TILE ? width - x0 : TILE;
      for (intptr_t j = 0; j < wide; j++) {
        intptr_t x = mirrored ? width - 1 - (x0 + j) : x0 + j;
        const uint8_t *from = source + horizontal->first[x] * column_bytes;
        for (intptr_t y = 0; y < rows; y += TILE)
          WEIGHTED_SUM(upright + j * length + y, from + y, column_bytes, horizontal->weights + x, width,
                       horizontal->count[x]);
      }
      for (intptr_t y = 0; y < rows; y += 16)
        for (intptr_t j = 0; j < wide; j += 16) {
          transpose_block(lying + y * TILE + j, TILE, upright + j * length + y, length);
        }
      if (vertical == 0) {
        for (intptr_t y = 0; y < height; y++) memcpy(plane + y * width + x0, lying + y * TILE, wide);
        continue;
      }
      for (intptr_t y = 0; y < height; y++) {
        uint8_t line32[TILE];
        uint8_t *out = wide == TILE ? plane + y * width + x0 : line32;
        WEIGHTED_SUM(out, lying + (vertical->first[y] - row) * TILE, TILE, vertical->weights + y, height,
                     vertical->count[y]);
        if (wide < TILE) memcpy(plane + y * width + x0, line32, wide);
      }
    }
  }
}

VECTORIZED
void emanate_resize_down(const uint8_t *columns, intptr_t column_bytes, intptr_t column_plane_bytes,
                         intptr_t width, intptr_t rows, const struct emanate_axis *vertical, uint8_t *result,
                         intptr_t result_column_bytes, uint8_t *scratch) {
  intptr_t height = vertical->outputs;
  uint8_t *before = scratch, *after = scratch + TILE * padded(rows);
  for (intptr_t channel = 0; channel < 3; channel++)
    for (intptr_t x0 = 0; x0 < width; x0 += TILE) {
      const uint8_t *from = columns + channel * column_plane_bytes + x0 * column_bytes;
      uint8_t *to = result + (channel * width + x0) * result_column_bytes;
      intptr_t wide = width - x0 < TILE ? width - x0 : TILE;
      for (intptr_t j = 0; j < wide; j += 16)
        for (intptr_t y = 0; y < rows; y += 16) {
          intptr_t lines = wide - j < 16 ? wide - j : 16;
          if (lines == 16) {
            transpose_block(before + y * TILE + j, TILE, from + j * column_bytes + y, column_bytes);
          } else {
            for (intptr_t a = 0; a < lines; a++)
              for (intptr_t b = 0; b < 16; b++)
                before[(y + b) * TILE + j + a] = from[(j + a) * column_bytes + y + b];
          }
        }
      for (intptr_t y = 0; y < height; y++)
        WEIGHTED_SUM(after + y * TILE, before + vertical->first[y] * TILE, TILE, vertical->weights + y,
                     height, vertical->count[y]);
      for (intptr_t j = 0; j < wide; j += 16)
        for (intptr_t y = 0; y < height; y += 16) {
          intptr_t lines = wide - j < 16 ? wide - j : 16;
          if (lines == 16) {
            transpose_block(to + j * result_column_bytes + y, result_column_bytes, after + y * TILE + j,
                            TILE);
          } else {
            for (intptr_t a = 0; a < lines; a++)
              for (intptr_t b = 0; b < 16; b++)
                to[(j + a) * result_column_bytes + y + b] = after[(y + b) * TILE + j + a];
          }
        }
    }
}
