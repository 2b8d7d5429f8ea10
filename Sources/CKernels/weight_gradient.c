// The gradient of a linear layer's weight, dy^T x, summed block of rows by block of rows while both are in cache: asked
// for all rows at once, the library spends a sixth of its time fetching and packing them.
#include "tile.h"
#include "training.h"

TILES(tile_one, v16, 1)
TILES(tile_four, v16, 4)

// Rows, outputs and inputs packed at a time: two squares of them and their sums share the second cache.
#define SIDE 192

long em_weight_gradient_scratch(void) { return 2 * SIDE * SIDE + TILE_ROWS * LANES; }

// [rows, columns] -> strips of six columns, [columns / 6][rows][6]; the last strip's columns beyond stay as they are.
INLINE void pack_strips(const float *x, long stride, long rows, long columns, float *out) {
  for (long r = 0; r < rows; r++) {
    const float *from = x + r * stride;
    float *to = out + r * TILE_ROWS;
    long i = 0;
    for (; i + TILE_ROWS <= columns; i += TILE_ROWS, to += TILE_ROWS * rows) memcpy(to, from + i, TILE_ROWS * 4);
    for (long k = i; k < columns; k++) to[k - i] = from[k];
  }
}

// [rows, columns] -> panels of sixteen columns, [columns / 16][rows][16]; zeros behind.
INLINE void pack_panels(const float *x, long stride, long rows, long columns, float *out) {
  for (long r = 0; r < rows; r++) {
    const float *from = x + r * stride;
    float *to = out + r * LANES;
    long i = 0;
    for (; i + LANES <= columns; i += LANES, to += LANES * rows) *(v16 *)to = *(const v16 *)(from + i);
    if (i < columns)
      for (int k = 0; k < LANES; k++) to[k] = i + k < columns ? from[i + k] : 0;
  }
}

// dw[0..<outputs, 0..<inputs] for one square: strips of dy times panels of x.
INLINE void square(int wide, long rows, long outputs, long inputs, const float *strips, const float *columns, float *dw,
                   long stride, int accumulate, float *edge) {
  long j = 0;
  for (; wide && j + 4 * LANES <= inputs; j += 4 * LANES)
    for (long o = 0; o < outputs; o += TILE_ROWS) {
      float *to = dw + o * stride + j;
      tile_four(smaller(TILE_ROWS, outputs - o), rows, strips + o * rows, 1, TILE_ROWS, 0, columns + j * rows,
                LANES * rows, accumulate ? to : 0, stride, to, stride);
    }
  for (; j + LANES <= inputs; j += LANES)
    for (long o = 0; o < outputs; o += TILE_ROWS) {
      float *to = dw + o * stride + j;
      tile_one(smaller(TILE_ROWS, outputs - o), rows, strips + o * rows, 1, TILE_ROWS, 0, columns + j * rows, 0,
               accumulate ? to : 0, stride, to, stride);
    }
  if (j == inputs) return;
  for (long o = 0; o < outputs; o += TILE_ROWS) {
    long n = smaller(TILE_ROWS, outputs - o);
    tile_one(n, rows, strips + o * rows, 1, TILE_ROWS, 0, columns + j * rows, 0, 0, 0, edge, LANES);
    for (long r = 0; r < n; r++)
      for (long i = j; i < inputs; i++) {
        float *at = dw + (o + r) * stride + i;
        *at = (accumulate ? *at : 0) + edge[r * LANES + i - j];
      }
  }
}

INLINE void weight_gradient(int wide, const float *dy, const float *x, long rows, long outputs, long inputs, float *dw,
                            int accumulate, float *scratch) {
  float *columns = scratch, *strips = columns + SIDE * SIDE, *edge = strips + SIDE * SIDE;
  for (long first = 0; first < rows; first += SIDE) {
    long some = smaller(SIDE, rows - first);
    for (long i = 0; i < inputs; i += SIDE) {
      long width = smaller(SIDE, inputs - i);
      pack_panels(x + first * inputs + i, inputs, some, width, columns);
      for (long o = 0; o < outputs; o += SIDE) {
        long height = smaller(SIDE, outputs - o);
        pack_strips(dy + first * outputs + o, outputs, some, height, strips);
        square(wide, some, height, width, strips, columns, dw + o * inputs + i, inputs, accumulate || first > 0, edge);
      }
    }
  }
}

VECTORIZED void em_weight_gradient_narrow(const float *dy, const float *x, long rows, long outputs, long inputs,
                                          float *dw, int accumulate, float *scratch) {
  weight_gradient(0, dy, x, rows, outputs, inputs, dw, accumulate, scratch);
}

VECTORIZED void em_weight_gradient_wide(const float *dy, const float *x, long rows, long outputs, long inputs,
                                        float *dw, int accumulate, float *scratch) {
  weight_gradient(1, dy, x, rows, outputs, inputs, dw, accumulate, scratch);
}

void em_weight_gradient(const float *dy, const float *x, long rows, long outputs, long inputs, float *dw,
                        int accumulate, float *scratch) {
  if (em_has_wide_registers()) em_weight_gradient_wide(dy, x, rows, outputs, inputs, dw, accumulate, scratch);
  else em_weight_gradient_narrow(dy, x, rows, outputs, inputs, dw, accumulate, scratch);
}
