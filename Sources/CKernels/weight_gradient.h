// The gradient of a linear layer's weight, dy^T x, summed square by square, of the numbers that tile.h multiplies.
// A file defines before this header what steps.h asks for; SOURCE is the type of dy's and x's elements.
#pragma once
#include "steps.h"

// Steps, outputs and inputs packed at a time: two squares of them and their sums share the second cache.
#define SIDE 192
// Sums of columns that fill no panel, of the highest tile.
#define EDGE (12 * 4 * LANES)
#define GRADIENT_SCRATCH (2 * SIDE * SIDE + EDGE)

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

// dw[0..<outputs, 0..<width] for COUNT panels of columns, the last one perhaps not whole, MOST outputs at a time.
#define SQUARE_PANELS(NAME, TILES_OF, COUNT, MOST, CASES)                                                        \
  INLINE void NAME(long width, long steps, long outputs, const NUMBER *upstream, const NUMBER *b, float *dw,     \
                   long stride, int accumulate, float *edge) {                                                   \
    const long depth = steps, ars = 1, acs = SIDE, panel = LANES * steps;                                        \
    const int ahead = 0, whole = width == COUNT * LANES;                                                         \
    const long crs = whole ? stride : COUNT * LANES, prs = crs;                                                  \
    for (long o = 0, n; o < outputs; o += n) {                                                                   \
      const NUMBER *a = upstream + o;                                                                            \
      float *c = whole ? dw + o * stride : edge;                                                                 \
      const float *plus = whole && accumulate ? c : 0;                                                           \
      n = tile_height(outputs - o, MOST);                                                                        \
      switch (n) { CASES(TILE_CASE, TILES_OF) }                                                                  \
      for (long r = 0; !whole && r < n; r++)                                                                     \
        copy_edge(edge + r * crs, width, accumulate, dw + (o + r) * stride);                                     \
    }                                                                                                            \
  }

SQUARE_PANELS(square_one, tile_one, 1, 6, CASES_TO_SIX)
SQUARE_PANELS(square_tall, tile_one, 1, 12, CASES_TO_TWELVE)
SQUARE_PANELS(square_two, tile_two, 2, 12, CASES_TO_TWELVE)
SQUARE_PANELS(square_three, tile_three, 3, 8, CASES_TO_EIGHT)
SQUARE_PANELS(square_four, tile_four, 4, 6, CASES_TO_SIX)

// dw[0..<outputs, 0..<inputs] for one square: steps of dy times panels of x.
INLINE void square(int wide, long steps, long outputs, long inputs, const NUMBER *upstream, const NUMBER *columns,
                   float *dw, long stride, int accumulate, float *edge) {
  long j = 0;
#define PANELS(NAME, COUNT)                                                                                      \
  NAME(smaller(COUNT * LANES, inputs - j), steps, outputs, upstream, columns + j * steps, dw + j, stride,        \
       accumulate, edge)
  if (wide) {
    for (; j + 3 * LANES < inputs; j += 4 * LANES) PANELS(square_four, 4);
    if (j + 2 * LANES < inputs) PANELS(square_three, 3);
    else if (j + LANES < inputs) PANELS(square_two, 2);
    else if (j < inputs) PANELS(square_tall, 1);
  } else {
    for (; j < inputs; j += LANES) PANELS(square_one, 1);
  }
#undef PANELS
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
