// Rounding and packing of bfloat16 matrices, and their products on processors without an instruction for them: parts of
// both operands are widened to float32 in cache and multiplied as such, at nearly the rate of float32 matrices.
#include "bfloat16.h"

#include "convolution.h"
#include "tile.h"
#include "training.h"

typedef uint32_t bits16 __attribute__((vector_size(64), aligned(4), may_alias));

INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

// x as bfloat16 in the upper half; what stands in the lower half says nothing.
INLINE uint32_t rounded(float x) {
  uint32_t bits = bits_of(x), even = bits + 0x7fff + (bits >> 16 & 1);
  return (bits & 0x7fffffff) > 0x7f800000 ? bits | 0x400000 : even;
}

INLINE uint32_t rounded_pair(float x, float next) { return rounded(x) >> 16 | (rounded(next) & 0xffff0000); }

// One row of bfloat16 as float32.
INLINE void widen(const uint16_t *x, long count, float *out) {
  for (long i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)x[i] << 16;
    memcpy(out + i, &bits, 4);
  }
}

VECTORIZED void em_to_bfloat16_portable(const float *x, long count, uint16_t *out) {
  for (long i = 0; i < count; i++) out[i] = rounded(x[i]) >> 16;
}

VECTORIZED void em_from_bfloat16(const uint16_t *x, long count, float *out) { widen(x, count, out); }

VECTORIZED void em_round_to_bfloat16(float *x, long count) {
  for (long i = 0; i < count; i++) {
    uint32_t bits = rounded(x[i]) & 0xffff0000;
    memcpy(x + i, &bits, 4);
  }
}

// Sixteen steps of eight columns: x holds the columns, out the pairs.
INLINE void pack_transposed8(const float *x, long stride, float *out) {
  v8 pairs[8];
  for (int lane = 0; lane < HALF; lane++) {
    uint32_t row[HALF];
    const float *from = x + lane * stride;
    for (int i = 0; i < HALF; i++) row[i] = rounded_pair(from[2 * i], from[2 * i + 1]);
    memcpy(&pairs[lane], row, sizeof row);
  }
  store_transposed8(pairs, out, LANES);
}

VECTORIZED void em_pack_bfloat16_portable(const float *x, long stride, int transposed, long depth, long columns,
                                          uint16_t *out) {
  long pairs = (depth + 1) / 2, row = transposed ? 1 : stride, column = transposed ? stride : 1;
  for (long j = 0; j < columns; j += LANES) {
    uint16_t *panel = out + j * 2 * pairs;
    const float *from = x + j * column;
    long p = 0;
    if (transposed)
      for (; p + LANES <= depth; p += LANES)
        for (int lane = 0; lane < LANES; lane += HALF)
          pack_transposed8(from + lane * stride + p, stride, (float *)(panel + p * LANES + lane * 2));
    else
      for (; p + 2 <= depth; p += 2) {
        uint32_t pair[LANES];
        const float *first = from + p * stride, *second = first + stride;
        for (int lane = 0; lane < LANES; lane++) pair[lane] = rounded_pair(first[lane], second[lane]);
        memcpy(panel + p * LANES, pair, sizeof pair);
      }
    for (; p < depth; p += 2)
      for (int lane = 0; lane < LANES; lane++) {
        const float *at = from + p * row + lane * column;
        uint32_t pair = rounded_pair(*at, p + 1 < depth ? at[row] : 0);
        memcpy(panel + p * LANES + lane * 2, &pair, 4);
      }
  }
}

// What is widened at a time. The second cache holds it; the rows are many, because b is widened again for each block.
#define WIDENED_ROWS 96
#define WIDENED_COLUMNS 64
#define WIDENED_DEPTH 256

// Pairs of sixteen columns -> sixteen columns, two steps a pair.
INLINE void widen_pairs(const uint16_t *b, long pairs, float *out) {
  for (long p = 0; p < 2 * pairs; p += 2, b += 2 * LANES) {
    bits16 pair = *(const bits16 *)b;
    *(bits16 *)(out + p * LANES) = pair << 16;
    *(bits16 *)(out + (p + 1) * LANES) = pair & 0xffff0000;
  }
}

VECTORIZED void em_packed_product_bfloat16_portable(const uint16_t *a, long ars, const uint16_t *b, long rows,
                                                    long columns, long depth, const float *bias, float *c, long crs,
                                                    int accumulate) {
  float wide_a[WIDENED_ROWS * WIDENED_DEPTH], wide_b[WIDENED_COLUMNS * WIDENED_DEPTH];
  long even = depth + depth % 2;
  for (long row = 0; row < rows; row += WIDENED_ROWS)
    for (long from = 0; from < even; from += WIDENED_DEPTH) {
      long height = smaller(WIDENED_ROWS, rows - row), some = smaller(WIDENED_DEPTH, even - from);
      for (long r = 0; r < height; r++) widen(a + (row + r) * ars + from, some, wide_a + r * some);
      for (long j = 0; j < columns; j += WIDENED_COLUMNS) {
        long width = smaller(WIDENED_COLUMNS, columns - j);
        for (long k = 0; k < width; k += LANES)
          widen_pairs(b + (j + k) * even + from * LANES, some / 2, wide_b + k * some);
        em_packed_product(wide_a, some, wide_b, height, width, some, bias ? bias + j : 0, c + row * crs + j, crs,
                          accumulate || from > 0);
      }
    }
}

// A step of the gradient is a widened row.
#define SOURCE uint16_t
#define STEP 1
INLINE const float *step_numbers(const uint16_t *x, long stride, long rows, long columns, float *line) {
  widen(x, columns, line);
  return line;
}

#include "weight_gradient.h"

long em_weight_gradient_bfloat16_scratch(void) { return 2 * GRADIENT_SCRATCH; }

NARROW_REGISTERS
static void gradient_narrow(const uint16_t *dy, const uint16_t *x, long rows, long outputs, long inputs,
                            float *dw, int accumulate, float *scratch) {
  weight_gradient(0, dy, x, rows, outputs, inputs, dw, accumulate, scratch);
}

WIDE_REGISTERS
static void gradient_wide(const uint16_t *dy, const uint16_t *x, long rows, long outputs, long inputs,
                          float *dw, int accumulate, float *scratch) {
  weight_gradient(1, dy, x, rows, outputs, inputs, dw, accumulate, scratch);
}

void em_weight_gradient_bfloat16_portable(const uint16_t *dy, const uint16_t *x, long rows, long outputs, long inputs,
                                          float *dw, int accumulate, uint16_t *scratch) {
  if (em_has_wide_registers()) gradient_wide(dy, x, rows, outputs, inputs, dw, accumulate, (float *)scratch);
  else gradient_narrow(dy, x, rows, outputs, inputs, dw, accumulate, (float *)scratch);
}

#if defined(__x86_64__)
// bfloat16_native.c
void em_to_bfloat16_native(const float *x, long count, uint16_t *out);
void em_pack_bfloat16_native(const float *x, long stride, int transposed, long depth, long columns, uint16_t *out);
void em_packed_product_bfloat16_native(const uint16_t *a, long ars, const uint16_t *b, long rows, long columns,
                                       long depth, const float *bias, float *c, long crs, int accumulate);
void em_weight_gradient_bfloat16_native(const uint16_t *dy, const uint16_t *x, long rows, long outputs, long inputs,
                                        float *dw, int accumulate, uint16_t *scratch);
void em_attention_bfloat16_native(const uint16_t *q, const uint16_t *k, const uint16_t *v, long stride, long tokens,
                                  long depth, uint16_t *out, long out_stride, float *log_sums, float *scratch);
void em_attention_backward_bfloat16_native(const uint16_t *q, const uint16_t *k, const uint16_t *v, long stride,
                                           long tokens, long depth, const uint16_t *out, long out_stride,
                                           const float *dout, long dout_stride, const float *log_sums, float *dq,
                                           float *dk, float *dv, long gradient_stride, float *scratch);

void em_convolve_bfloat16_native(const uint16_t *x, const int32_t *from, long taps, long step, long depth,
                                 const uint16_t *w, long rows, long columns, float *y, const int32_t *to);
void em_convolution_weight_gradient_bfloat16_native(const uint16_t *dy, const uint16_t *x, const int32_t *from,
                                                    long rows, long outputs, long dy_stride, long taps, long step,
                                                    long depth, float *dw, int accumulate, float *scratch);

int em_has_bfloat16_instructions(void) {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}
#else
int em_has_bfloat16_instructions(void) { return 0; }
#define em_to_bfloat16_native em_to_bfloat16_portable
#define em_pack_bfloat16_native em_pack_bfloat16_portable
#define em_packed_product_bfloat16_native em_packed_product_bfloat16_portable
#define em_weight_gradient_bfloat16_native em_weight_gradient_bfloat16_portable
#define em_attention_bfloat16_native em_attention_bfloat16_wide_plain
#define em_attention_backward_bfloat16_native em_attention_backward_bfloat16_wide_plain
#define em_convolve_bfloat16_native em_convolve_bfloat16_wide_plain
#define em_convolution_weight_gradient_bfloat16_native em_convolution_weight_gradient_bfloat16_wide_plain
#endif

void em_to_bfloat16(const float *x, long count, uint16_t *out) {
  if (em_has_bfloat16_instructions()) em_to_bfloat16_native(x, count, out);
  else em_to_bfloat16_portable(x, count, out);
}

void em_pack_bfloat16(const float *x, long stride, int transposed, long depth, long columns, uint16_t *out) {
  if (em_has_bfloat16_instructions()) em_pack_bfloat16_native(x, stride, transposed, depth, columns, out);
  else em_pack_bfloat16_portable(x, stride, transposed, depth, columns, out);
}

void em_packed_product_bfloat16(const uint16_t *a, long ars, const uint16_t *b, long rows, long columns, long depth,
                                const float *bias, float *c, long crs, int accumulate) {
  if (em_has_bfloat16_instructions())
    em_packed_product_bfloat16_native(a, ars, b, rows, columns, depth, bias, c, crs, accumulate);
  else
    em_packed_product_bfloat16_portable(a, ars, b, rows, columns, depth, bias, c, crs, accumulate);
}

void em_weight_gradient_bfloat16(const uint16_t *dy, const uint16_t *x, long rows, long outputs, long inputs, float *dw,
                                 int accumulate, uint16_t *scratch) {
  if (em_has_bfloat16_instructions())
    em_weight_gradient_bfloat16_native(dy, x, rows, outputs, inputs, dw, accumulate, scratch);
  else
    em_weight_gradient_bfloat16_portable(dy, x, rows, outputs, inputs, dw, accumulate, scratch);
}

void em_attention_bfloat16(const uint16_t *q, const uint16_t *k, const uint16_t *v, long stride, long tokens, long depth,
                           uint16_t *out, long out_stride, float *log_sums, float *scratch) {
  em_attention_bfloat16_native(q, k, v, stride, tokens, depth, out, out_stride, log_sums, scratch);
}

void em_attention_backward_bfloat16(const uint16_t *q, const uint16_t *k, const uint16_t *v, long stride, long tokens,
                                    long depth, const uint16_t *out, long out_stride, const float *dout,
                                    long dout_stride, const float *log_sums, float *dq, float *dk, float *dv,
                                    long gradient_stride, float *scratch) {
  em_attention_backward_bfloat16_native(q, k, v, stride, tokens, depth, out, out_stride, dout, dout_stride, log_sums, dq,
                                        dk, dv, gradient_stride, scratch);
}

void em_convolve_bfloat16(const uint16_t *x, const int32_t *from, long taps, long step, long depth, const uint16_t *w,
                          long rows, long columns, float *y, const int32_t *to) {
  em_convolve_bfloat16_native(x, from, taps, step, depth, w, rows, columns, y, to);
}

void em_convolution_weight_gradient_bfloat16(const uint16_t *dy, const uint16_t *x, const int32_t *from, long rows,
                                             long outputs, long dy_stride, long taps, long step, long depth, float *dw,
                                             int accumulate, float *scratch) {
  em_convolution_weight_gradient_bfloat16_native(dy, x, from, rows, outputs, dy_stride, taps, step, depth, dw,
                                                 accumulate, scratch);
}
