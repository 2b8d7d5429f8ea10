// The bfloat16 products as products of pairs: a number is two steps of the depth, the first in its lower half, and a
// step of a tile adds the products of both. A file defines before this header MULTIPLY_ADD (tile.h), ROUND(x), sixteen
// floats as bfloat16 (rounded16), and FORM(name), the name of its form of a function.
#pragma once
#include <stdint.h>

typedef uint16_t rounded16 __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint32_t pairs16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t number_pair __attribute__((may_alias));
#define NUMBER number_pair

#include "packed.h"

// Two rows side by side are a step.
#define SOURCE uint16_t
#define STEP 2
INLINE const NUMBER *step_numbers(const uint16_t *x, long stride, long rows, long columns, NUMBER *line) {
  const uint16_t *next = x + stride;
  if (rows > 1)
    for (long i = 0; i < columns; i++) line[i] = x[i] | (uint32_t)next[i] << 16;
  else
    for (long i = 0; i < columns; i++) line[i] = x[i];
  return line;
}

// sums [count] rounded; and of two rows, as one step.
INLINE void store_row(const float *x, long count, uint16_t *out) {
  long i = 0;
  for (; i + LANES <= count; i += LANES) *(rounded16 *)(out + i) = ROUND(*(const v16 *)(x + i));
  if (i == count) return;
  float rest[LANES] = {0};
  memcpy(rest, x + i, (size_t)(count - i) * 4);
  rounded16 last = ROUND(*(const v16 *)rest);
  memcpy(out + i, &last, (size_t)(count - i) * 2);
}

INLINE void store_step(const float *x, const float *next, long count, uint32_t *out) {
  for (long i = 0; i < count; i += LANES)
    *(pairs16 *)(out + i) = __builtin_convertvector(ROUND(*(const v16 *)(x + i)), pairs16) |
                            __builtin_convertvector(ROUND(*(const v16 *)(next + i)), pairs16) << 16;
}

INLINE float value_of(uint16_t x) {
  uint32_t bits = (uint32_t)x << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// Pieces of a map begin at any of its numbers.
INLINE NUMBER number_at(const uint16_t *x, long place) {
  NUMBER pair;
  memcpy(&pair, x + 2 * place, sizeof pair);
  return pair;
}

#include "attention.h"
#include "gathered.h"

void FORM(em_to_bfloat16)(const float *x, long count, uint16_t *out) { store_row(x, count, out); }

void FORM(em_pack_bfloat16)(const float *x, long stride, int transposed, long depth, long columns, uint16_t *out) {
  long pairs = (depth + 1) / 2, whole = transposed ? depth / LANES * LANES : depth / 2 * 2;
  for (long j = 0; j < columns; j += LANES) {
    NUMBER *panel = (NUMBER *)out + j * pairs;
    const float *from = x + j * (transposed ? stride : 1);
    // Sixteen numbers of a column are eight pairs of it.
    for (long p = 0; transposed && p < whole; p += LANES)
      for (int lane = 0; lane < LANES; lane += HALF) {
        v8 some[HALF];
        for (int i = 0; i < HALF; i++) some[i] = (v8)ROUND(*(const v16 *)(from + (lane + i) * stride + p));
        store_transposed8(some, (float *)panel + p / 2 * LANES + lane, LANES);
      }
    for (long p = 0; !transposed && p < whole; p += 2)
      store_step(from + p * stride, from + (p + 1) * stride, LANES, panel + p / 2 * LANES);
    for (long p = whole; p < depth; p += 2) {
      float first[LANES], second[LANES] = {0};
      for (int lane = 0; lane < LANES; lane++) {
        const float *at = transposed ? from + lane * stride + p : from + p * stride + lane;
        first[lane] = *at;
        if (p + 1 < depth) second[lane] = at[transposed ? 1 : stride];
      }
      store_step(first, second, LANES, panel + p / 2 * LANES);
    }
  }
}

void FORM(em_packed_product_bfloat16)(const uint16_t *a, long ars, const uint16_t *b, long rows, long columns,
                                      long depth, const float *bias, float *c, long crs, int accumulate) {
  packed_product(1, (const NUMBER *)a, ars / 2, (const NUMBER *)b, rows, columns, (depth + 1) / 2, bias, c, crs,
                 accumulate);
}

void FORM(em_weight_gradient_bfloat16)(const uint16_t *dy, const uint16_t *x, long rows, long outputs, long inputs,
                                       float *dw, int accumulate, uint16_t *scratch) {
  weight_gradient(1, dy, x, rows, outputs, inputs, dw, accumulate, (NUMBER *)scratch);
}

void FORM(em_convolve_bfloat16)(const uint16_t *x, const int32_t *from, long taps, long step, long depth,
                                const uint16_t *w, long rows, long columns, float *y, const int32_t *to) {
  convolve(1, x, from, taps, step, (depth + 1) / 2, (const NUMBER *)w, rows, columns, y, to);
}

void FORM(em_convolution_weight_gradient_bfloat16)(const uint16_t *dy, const uint16_t *x, const int32_t *from,
                                                   long rows, long outputs, long dy_stride, long taps, long step,
                                                   long depth, float *dw, int accumulate, float *scratch) {
  convolution_weight_gradient(1, dy, x, from, rows, outputs, dy_stride, taps, step, depth, dw, accumulate,
                              (NUMBER *)scratch);
}

void FORM(em_attention_bfloat16)(FORWARD_PARAMETERS) { attention(1, FORWARD_ARGUMENTS); }

void FORM(em_attention_backward_bfloat16)(BACKWARD_PARAMETERS) { attention_backward(1, BACKWARD_ARGUMENTS); }
