// Resampling in 16-bit arithmetic, of planes that may be halved along either axis.
//
// A level v is kept as v * 128 and multiplied by weights of 14 bits, times 2^-15 and rounded: one instruction where
// there is one (the compiler does not find it, hence the copies of resample16.h). Each pass so halves the scale, every
// tap is within 1/64 of a level, and an overshoot to twice the range still fits. Weights of 15 bits would not do: at
// an image's edge there are some above 1. Columns come first, as in resample.c: both passes run over
// neighbouring numbers, and there is one transposition, of the first pass's result.
#include "clones.h"
#include "images.h"
#include "transpose.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define TILE 32
#define GROUP 8
#define MOST_TAPS 64

typedef int16_t i16x8 __attribute__((vector_size(16)));
typedef int16_t i16x16 __attribute__((vector_size(32)));
typedef int16_t i16x16_unaligned __attribute__((vector_size(32), aligned(2)));
typedef int16_t i16x8_unaligned __attribute__((vector_size(16), aligned(2)));

VECTORIZED
void emanate_columns16(const uint8_t *plane, intptr_t row_bytes, intptr_t width, intptr_t height, int zero,
                       int16_t *columns, intptr_t stride) {
  for (intptr_t x = 0; x < width; x += 16)
    for (intptr_t y = 0; y < height; y += 16) {
      intptr_t wide = width - x < 16 ? width - x : 16, tall = height - y < 16 ? height - y : 16;
      u8x16 block[16];
      if (wide == 16 && tall == 16) {
        for (intptr_t i = 0; i < 16; i++)
          block[i] = *(const u8x16_unaligned *)(plane + (y + i) * row_bytes + x);
      } else {
        memset(block, 0, sizeof block);
        for (intptr_t i = 0; i < tall; i++) memcpy(block + i, plane + (y + i) * row_bytes + x, (size_t)wide);
      }
      transpose16(block);
      for (intptr_t j = 0; j < wide; j++)
        *(i16x16_unaligned *)(columns + (x + j) * stride + y) =
            (__builtin_convertvector(block[j], i16x16) - (int16_t)zero) << 7;
    }
}

// One axis of a plane: first samples and their number [outputs], 14-bit weights [taps][outputs].
struct axis16 {
  intptr_t outputs;
  int32_t *first, *count;
  int16_t *weights;
};

// The axis of a plane of `samples` samples out of that of the whole resolution, whose first input is pixel `start`.
// `halved`: a sample covers two pixels. `sums` has room for (axis->taps + 2) * outputs numbers. Loops run over
// neighbouring outputs.
VECTORIZED
static void fill(const struct emanate_axis *axis, intptr_t start, intptr_t samples, int halved,
                 struct axis16 *result, int32_t *restrict sums) {
  intptr_t outputs = axis->outputs, taps = 0;
  int32_t *restrict first = result->first, *restrict count = result->count;
  int16_t *restrict weights = result->weights;
  const int32_t *restrict inputs = axis->first, *restrict lengths = axis->count;
  int32_t last = (int32_t)samples - 1;
  for (intptr_t x = 0; x < outputs; x++) {
    int32_t from = (int32_t)start + inputs[x], to = from + lengths[x] - 1;
    int32_t low = halved ? (from - 1) >> 1 : from, high = halved ? (to + 1) >> 1 : to;
    low = low < 0 ? 0 : low;
    high = high > last ? last : high;
    first[x] = low;
    count[x] = high - low + 1;
  }
  for (intptr_t x = 0; x < outputs; x++) taps = taps > count[x] ? taps : count[x];
  if (halved) {
    memset(sums, 0, (size_t)(taps * outputs) * sizeof *sums);
    for (intptr_t t = 0; t < axis->taps; t++) {
      const int32_t *restrict weight = axis->weights + t * outputs;
      for (intptr_t x = 0; x < outputs; x++) {
        // libjpeg's smooth upsampling: 3/4 of the nearer sample, 1/4 of the one beyond; ends are repeated.
        int32_t pixel = (int32_t)start + inputs[x] + (int32_t)t, end = first[x] + count[x] - 1;
        int32_t near = pixel >> 1, far = pixel & 1 ? near + 1 : near - 1;
        near = near > end ? end : near;
        far = far < 0 ? 0 : far > end ? end : far;
        // Beyond the last tap weights are 0.
        sums[(far - first[x]) * outputs + x] += weight[x] >> 2;
        sums[(near - first[x]) * outputs + x] += weight[x] - (weight[x] >> 2);
      }
    }
  } else {
    memcpy(sums, axis->weights, (size_t)(taps * outputs) * sizeof *sums);
  }
  // 22 bits to 14. A flat area keeps its level: what rounding loses goes to a tap in the middle.
  int32_t *restrict total = sums + taps * outputs;
  for (intptr_t x = 0; x < outputs; x++) total[x] = 1 << 14;
  for (intptr_t t = 0; t < taps; t++) {
    int32_t *restrict sum = sums + t * outputs;
    for (intptr_t x = 0; x < outputs; x++) total[x] -= (sum[x] + (1 << 7)) >> 8;
  }
  for (intptr_t t = 0; t < taps; t++) {
    int32_t *restrict sum = sums + t * outputs;
    int16_t *restrict weight = weights + t * outputs;
    for (intptr_t x = 0; x < outputs; x++) {
      int32_t rounded = ((sum[x] + (1 << 7)) >> 8) + (t == count[x] >> 1 ? total[x] : 0);
      weight[x] = (int16_t)rounded;
    }
  }
}

static intptr_t padded(intptr_t rows) { return (rows + TILE - 1) / TILE * TILE; }

// Rows of a plane that the vertical axis reads; the first one is a multiple of 16 for the loads' sake.
static void rows_of(const struct axis16 *axis, intptr_t *first, intptr_t *count) {
  *first = axis->first[0] / 16 * 16;
  *count = axis->first[axis->outputs - 1] + axis->count[axis->outputs - 1] - *first;
}

// GROUP lines of `length` numbers -> `length` lines of GROUP numbers, TILE apart. Unpacking inside 128 bits
// transposes two blocks of 8 x 8 at once.
#define UNPACK(a, b, half)                                                                                 \
  __builtin_shufflevector(a, b, half, half + 16, half + 1, half + 17, half + 2, half + 18, half + 3,       \
                          half + 19, half + 8, half + 24, half + 9, half + 25, half + 10, half + 26,       \
                          half + 11, half + 27)
#define UNPACK_STAGE(to, from)                                      \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < 4; i++) {  \
    to[2 * i] = UNPACK(from[i], from[i + 4], 0);                    \
    to[2 * i + 1] = UNPACK(from[i], from[i + 4], 4);                \
  }
VECTORIZED
static void lay_down(const int16_t *upright, intptr_t length, int16_t *lying) {
  for (intptr_t y = 0; y < length; y += 16) {
    i16x16 a[GROUP], b[GROUP];
    _Pragma("clang loop unroll(full)") for (int i = 0; i < GROUP; i++) a[i] =
        *(const i16x16_unaligned *)(upright + i * length + y);
    UNPACK_STAGE(b, a)
    UNPACK_STAGE(a, b)
    UNPACK_STAGE(b, a)
    _Pragma("clang loop unroll(full)") for (int i = 0; i < GROUP; i++) {
      *(i16x8_unaligned *)(lying + (y + i) * TILE) =
          __builtin_shufflevector(b[i], b[i], 0, 1, 2, 3, 4, 5, 6, 7);
      *(i16x8_unaligned *)(lying + (y + 8 + i) * TILE) =
          __builtin_shufflevector(b[i], b[i], 8, 9, 10, 11, 12, 13, 14, 15);
    }
  }
}

#if defined(__x86_64__)
#define NAME resize16_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))
#define WIDE 32
#define MULTIPLY(a, b) (numbers) _mm512_mulhrs_epi16((__m512i)(a), (__m512i)(b))
#include "resample16.h"

#define NAME resize16_avx2
#define TARGET __attribute__((target("avx2")))
#define WIDE 16
#define MULTIPLY(a, b) (numbers) _mm256_mulhrs_epi16((__m256i)(a), (__m256i)(b))
#include "resample16.h"
#endif

#define NAME resize16_plain
#define TARGET
#define WIDE 8
#if defined(__ARM_NEON)
#include <arm_neon.h>
#define MULTIPLY(a, b) (numbers) vqrdmulhq_s16((int16x8_t)(a), (int16x8_t)(b))
#else
typedef int32_t i32x8 __attribute__((vector_size(32)));
#define MULTIPLY(a, b)                                                                                  \
  __builtin_convertvector(                                                                              \
      (__builtin_convertvector(a, i32x8) * __builtin_convertvector(b, i32x8) + (1 << 14)) >> 15, numbers)
#endif
#include "resample16.h"

typedef void resize16(const int16_t *, const struct emanate_plane16 *, const struct axis16 (*)[2], enum emanate_colors, int,
                      uint8_t *, int16_t *);

static resize16 *fastest(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) return resize16_avx512;
  if (__builtin_cpu_supports("avx2")) return resize16_avx2;
#endif
  return resize16_plain;
}

// 64 bytes are more than any vector needs.
#define ALIGNED(bytes) (((bytes) + 63) / 64 * 64)

static intptr_t axis_bytes(const struct emanate_axis *axis) {
  return ALIGNED(8 * axis->outputs) + ALIGNED(2 * axis->outputs * (axis->taps + 2));
}

static intptr_t sums_bytes(const struct emanate_axis *horizontal, const struct emanate_axis *vertical) {
  intptr_t across = (horizontal->taps + 3) * horizontal->outputs, down = (vertical->taps + 3) * vertical->outputs;
  return ALIGNED(4 * (across > down ? across : down));
}

intptr_t emanate_resize16_scratch(const struct emanate_axis *horizontal, const struct emanate_axis *vertical,
                                  intptr_t rows) {
  return 64 + sums_bytes(horizontal, vertical) + 2 * (axis_bytes(horizontal) + axis_bytes(vertical)) +
         2 * (3 * TILE + GROUP) * padded(rows + 16);
}

static struct axis16 room(const struct emanate_axis *axis, uint8_t **scratch) {
  struct axis16 result = {axis->outputs, (int32_t *)*scratch, (int32_t *)*scratch + axis->outputs,
                          (int16_t *)(*scratch + ALIGNED(8 * axis->outputs))};
  *scratch += axis_bytes(axis);
  return result;
}

static void resize(resize16 *passes, const int16_t *columns, const struct emanate_plane16 *planes, enum emanate_colors colors,
                   const struct emanate_axis *horizontal, const struct emanate_axis *vertical, intptr_t x,
                   intptr_t y, int mirrored, uint8_t *result, uint8_t *scratch) {
  scratch = (uint8_t *)ALIGNED((uintptr_t)scratch);
  int32_t *sums = (int32_t *)scratch;
  scratch += sums_bytes(horizontal, vertical);
  struct axis16 axes[3][2];
  for (int c = 0; c < (colors == EMANATE_GRAY ? 1 : 2); c++) {
    axes[c][0] = room(horizontal, &scratch);
    axes[c][1] = room(vertical, &scratch);
    fill(horizontal, x, planes[c].width, planes[c].halves_columns, axes[c], sums);
    fill(vertical, y, planes[c].height, planes[c].halves_rows, axes[c] + 1, sums);
  }
  // The third plane has the second one's size.
  memcpy(axes[2], axes[1], sizeof axes[1]);
  passes(columns, planes, (const struct axis16(*)[2])axes, colors, mirrored, result, (int16_t *)scratch);
}

void emanate_resize16(const int16_t *columns, const struct emanate_plane16 *planes, enum emanate_colors colors,
                      const struct emanate_axis *horizontal, const struct emanate_axis *vertical, intptr_t x,
                      intptr_t y, int mirrored, uint8_t *result, uint8_t *scratch) {
  resize(fastest(), columns, planes, colors, horizontal, vertical, x, y, mirrored, result, scratch);
}

void emanate_resize16_plain(const int16_t *columns, const struct emanate_plane16 *planes, enum emanate_colors colors,
                            const struct emanate_axis *horizontal, const struct emanate_axis *vertical, intptr_t x,
                            intptr_t y, int mirrored, uint8_t *result, uint8_t *scratch) {
  resize(resize16_plain, columns, planes, colors, horizontal, vertical, x, y, mirrored, result, scratch);
}
