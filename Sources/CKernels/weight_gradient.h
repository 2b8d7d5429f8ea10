// The gradient of a linear layer's weight, dy^T x, summed square by square, of the numbers that tile.h multiplies.
//
// A file defines before this header the SOURCE, which is the type of dy's and x's elements, how many of their rows make
// one STEP, which is a row of NUMBERs, and
//   const NUMBER *step_numbers(const SOURCE *x, long stride, long rows, long columns, NUMBER *line)
// which gives the first step of x, of which `rows` rows are left; it may use the line for them.
#pragma once
#include "tile.h"

// Steps, outputs and inputs packed at a time: two squares of them and their sums share the second cache.
#define SIDE 192
#define GRADIENT_SCRATCH (2 * SIDE * SIDE + TILE_ROWS * LANES)

INLINE long steps_of(long rows) { return (rows + STEP - 1) / STEP; }

// [rows, columns] -> strips of six columns, [columns / 6][steps][6]; the last strip's columns beyond stay as they are.
INLINE void pack_strips(const SOURCE *x, long stride, long rows, long columns, NUMBER *out) {
  NUMBER line[SIDE];
  long steps = steps_of(rows);
  for (long s = 0; s < steps; s++) {
    const NUMBER *from = step_numbers(x + s * STEP * stride, stride, rows - s * STEP, columns, line);
    NUMBER *to = out + s * TILE_ROWS;
    long i = 0;
    for (; i + TILE_ROWS <= columns; i += TILE_ROWS, to += TILE_ROWS * steps) memcpy(to, from + i, TILE_ROWS * 4);
    for (long k = i; k < columns; k++) to[k - i] = from[k];
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

// dw[0..<outputs, 0..<inputs] for one square: strips of dy times panels of x.
INLINE void square(int wide, long steps, long outputs, long inputs, const NUMBER *strips, const NUMBER *columns,
                   float *dw, long stride, int accumulate, float *edge) {
  long j = 0;
  for (; wide && j + 4 * LANES <= inputs; j += 4 * LANES)
    for (long o = 0; o < outputs; o += TILE_ROWS) {
      float *to = dw + o * stride + j;
      tile_four(smaller(TILE_ROWS, outputs - o), steps, strips + o * steps, 1, TILE_ROWS, 0, columns + j * steps,
                LANES * steps, accumulate ? to : 0, stride, to, stride);
    }
  for (; j + LANES <= inputs; j += LANES)
    for (long o = 0; o < outputs; o += TILE_ROWS) {
      float *to = dw + o * stride + j;
      tile_one(smaller(TILE_ROWS, outputs - o), steps, strips + o * steps, 1, TILE_ROWS, 0, columns + j * steps, 0,
               accumulate ? to : 0, stride, to, stride);
    }
  if (j == inputs) return;
  for (long o = 0; o < outputs; o += TILE_ROWS) {
    long n = smaller(TILE_ROWS, outputs - o);
    tile_one(n, steps, strips + o * steps, 1, TILE_ROWS, 0, columns + j * steps, 0, 0, 0, edge, LANES);
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
  NUMBER *columns = scratch, *strips = columns + SIDE * SIDE;
  float *edge = (float *)(strips + SIDE * SIDE);
  for (long first = 0; first < rows; first += SIDE * STEP) {
    long some = smaller(SIDE * STEP, rows - first);
    for (long i = 0; i < inputs; i += SIDE) {
      long width = smaller(SIDE, inputs - i);
      pack_panels(x + first * inputs + i, inputs, some, width, columns);
      for (long o = 0; o < outputs; o += SIDE) {
        long height = smaller(SIDE, outputs - o);
        pack_strips(dy + first * outputs + o, outputs, some, height, strips);
        square(wide, steps_of(some), height, width, strips, columns, dw + o * inputs + i, inputs,
               accumulate || first > 0, edge);
      }
    }
  }
}
