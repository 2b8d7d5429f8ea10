// The gradient of a linear layer's weight, dy^T x, summed square by square, of the numbers that tile.h multiplies.
// A file defines before this header what steps.h asks for; SOURCE is the type of dy's and x's elements.
#pragma once
#include "steps.h"

// Steps, outputs and inputs packed at a time: two squares of them and their sums share the second cache.
#define SIDE 192
#define GRADIENT_SCRATCH (2 * SIDE * SIDE + TILE_ROWS * LANES)

// [rows, columns] -> steps, SIDE numbers each; the last columns beyond stay as they are.
INLINE void pack_steps(const SOURCE *x, long stride, long rows, long columns, NUMBER *out) {
  long steps = steps_of(rows);
  for (long s = 0; s < steps; s++, out += SIDE) {
    const NUMBER *from = step_numbers(x + s * STEP * stride, stride, rows - s * STEP, columns, out);
    if (from != out) memcpy(out, from, (size_t)columns * 4);
  }
}

// [rows, columns] -> panels of sixteen columns, [columns / 16][steps][16]; zeros behind.
INLINE void pack_panels(const SOURCE *x, long stride, long rows, long columns, NUMBER *out) {
  NUMBER line[SIDE];
  long steps = steps_of(rows);
  for (long s = 0; s < steps; s++) {
    const NUMBER *from = step_numbers(x + s * STEP * stride, stride, rows - s * STEP, columns, line);
    NUMBER *to = out + s * LANES;
    long i = 0;
    for (; i + LANES <= columns; i += LANES, to += LANES * steps) *(v16 *)to = *(const v16 *)(from + i);
    if (i < columns)
      for (int k = 0; k < LANES; k++) to[k] = i + k < columns ? from[i + k] : 0;
  }
}

// dw[0..<outputs, 0..<inputs] for one square: steps of dy times panels of x.
INLINE void square(int wide, long steps, long outputs, long inputs, const NUMBER *upstream, const NUMBER *columns,
                   float *dw, long stride, int accumulate, float *edge) {
  long j = 0;
  for (; wide && j + 4 * LANES <= inputs; j += 4 * LANES)
    for (long o = 0; o < outputs; o += TILE_ROWS) {
      float *to = dw + o * stride + j;
      tile_four(smaller(TILE_ROWS, outputs - o), steps, upstream + o, 1, SIDE, 0, columns + j * steps,
                LANES * steps, accumulate ? to : 0, stride, to, stride);
    }
  for (; j + LANES <= inputs; j += LANES)
    for (long o = 0; o < outputs; o += TILE_ROWS) {
      float *to = dw + o * stride + j;
      tile_one(smaller(TILE_ROWS, outputs - o), steps, upstream + o, 1, SIDE, 0, columns + j * steps, 0,
               accumulate ? to : 0, stride, to, stride);
    }
  if (j == inputs) return;
  for (long o = 0; o < outputs; o += TILE_ROWS) {
    long n = smaller(TILE_ROWS, outputs - o);
    tile_one(n, steps, upstream + o, 1, SIDE, 0, columns + j * steps, 0, 0, 0, edge, LANES);
    for (long r = 0; r < n; r++)
      for (long i = j; i < inputs; i++) {
        float *at = dw + (o + r) * stride + i;
        *at = (accumulate ? *at : 0) + edge[r * LANES + i - j];
      }
  }
}

// scratch: GRADIENT_SCRATCH numbers.
INLINE void weight_gradient(int wide, const SOURCE *dy, const SOURCE *x, long rows, long outputs, long inputs,
                            float *dw, int accumulate, NUMBER *scratch) {
  NUMBER *columns = scratch, *upstream = columns + SIDE * SIDE;
  float *edge = (float *)(upstream + SIDE * SIDE);
  for (long first = 0; first < rows; first += SIDE * STEP) {
    long some = smaller(SIDE * STEP, rows - first);
    for (long i = 0; i < inputs; i += SIDE) {
      long width = smaller(SIDE, inputs - i);
      pack_panels(x + first * inputs + i, inputs, some, width, columns);
      for (long o = 0; o < outputs; o += SIDE) {
        long height = smaller(SIDE, outputs - o);
        pack_steps(dy + first * outputs + o, outputs, some, height, upstream);
        square(wide, steps_of(some), height, width, upstream, columns, dw + o * inputs + i, inputs,
               accumulate || first > 0, edge);
      }
    }
  }
}
