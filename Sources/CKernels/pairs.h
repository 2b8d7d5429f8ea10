// The bfloat16 products as products of pairs: a number is two steps of the depth, the first in its lower half, and a
// step of a tile adds the products of both. A file defines before this header MULTIPLY_ADD (tile.h) and FORM(name), the
// name of its form of a function.
#pragma once
#include <stdint.h>

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

#include "weight_gradient.h"

void FORM(em_packed_product_bfloat16)(const uint16_t *a, long ars, const uint16_t *b, long rows, long columns,
                                      long depth, const float *bias, float *c, long crs, int accumulate) {
  packed_product(1, (const NUMBER *)a, ars / 2, (const NUMBER *)b, rows, columns, (depth + 1) / 2, bias, c, crs,
                 accumulate);
}

void FORM(em_weight_gradient_bfloat16)(const uint16_t *dy, const uint16_t *x, long rows, long outputs, long inputs,
                                       float *dw, int accumulate, uint16_t *scratch) {
  weight_gradient(1, dy, x, rows, outputs, inputs, dw, accumulate, (NUMBER *)scratch);
}
