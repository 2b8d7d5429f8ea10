// Convolutions as products of gathered rows, of the numbers that tile.h multiplies: the inputs of one output pixel
// under one row of the kernel are one piece of memory. A file defines before this header what steps.h asks for, and
//   NUMBER number_at(const SOURCE *x, long place)
// which gives one of the numbers that lie side by side from x on.
#pragma once
#include "packed.h"
#include "weight_gradient.h"

#define GATHERED_TILE(NAME, V, ROWS, PANELS)                                                                       \
  INLINE void NAME##ROWS(long taps, long step, long depth, const SOURCE *x, const int32_t *from, const NUMBER *b,  \
                         long panel, int accumulate, float *c, const int32_t *to) {                                \
    enum { rows_ = ROWS, panels_ = PANELS, lanes_ = sizeof(V) / sizeof(float) };                                   \
    V sum[ROWS][PANELS];                                                                                           \
    const SOURCE *a[ROWS];                                                                                         \
    EACH_ROW a[r] = x + from[r];                                                                                   \
    EACH_ROW EACH_PANEL sum[r][j] = (V){0};                                                                        \
    EACH_ROW EACH_PANEL __builtin_prefetch(c + to[r] + j * lanes_, 1);                                             \
    for (long t = 0; t < taps; t++, b += depth * lanes_) {                                                         \
      _Pragma("clang loop unroll_count(4)") for (long p = 0; p < depth; p++) {                                     \
        V row[panels_];                                                                                            \
        EACH_PANEL row[j] = *(const V *)(b + j * panel + p * lanes_);                                              \
        EACH_ROW EACH_PANEL MULTIPLY_ADD(V, sum[r][j], number_at(a[r], p), row[j]);                                \
      }                                                                                                            \
      EACH_ROW a[r] += step;                                                                                       \
    }                                                                                                              \
    if (accumulate) EACH_ROW EACH_PANEL sum[r][j] += *(const V *)(c + to[r] + j * lanes_);                         \
    EACH_ROW EACH_PANEL *(V *)(c + to[r] + j * lanes_) = sum[r][j];                                                \
  }

#define GATHERED_CASE(NAME, ROWS) \
  case ROWS: NAME##ROWS(taps, step, depth, x, from, b, panel, accumulate, c, to); break;

#define GATHERED_SIX(NAME, V, PANELS) \
  GATHERED_TILE(NAME, V, 1, PANELS)   \
  GATHERED_TILE(NAME, V, 2, PANELS)   \
  GATHERED_TILE(NAME, V, 3, PANELS)   \
  GATHERED_TILE(NAME, V, 4, PANELS)   \
  GATHERED_TILE(NAME, V, 5, PANELS)   \
  GATHERED_TILE(NAME, V, 6, PANELS)

GATHERED_SIX(gathered_one, v16, 1)
GATHERED_TILE(gathered_one, v16, 8, 1)
GATHERED_TILE(gathered_one, v16, 10, 1)
GATHERED_TILE(gathered_one, v16, 12, 1)
GATHERED_SIX(gathered_two, v16, 2)
GATHERED_TILE(gathered_two, v16, 8, 2)
GATHERED_TILE(gathered_two, v16, 10, 2)
GATHERED_TILE(gathered_two, v16, 12, 2)
GATHERED_SIX(gathered_three, v16, 3)
GATHERED_TILE(gathered_three, v16, 8, 3)
GATHERED_SIX(gathered_four, v16, 4)

// All rows times COUNT panels, over one part of the depth, MOST rows at a time and then what is left in pieces of a
// size that there is; columns that are no whole panels go through `edge`.
#define GATHERED_PANELS(NAME, TILES_OF, COUNT, MOST, CASES)                                                        \
  INLINE void NAME(long columns, long rows, long taps, long step, long depth, const SOURCE *x,                     \
                   const int32_t *from, const NUMBER *b, long panel, int accumulate_all, float *y,                 \
                   const int32_t *places) {                                                                        \
    static const int32_t edge_places[12] = {0, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704};              \
    float edge[MOST * 4 * LANES];                                                                                  \
    int whole = columns == COUNT * LANES, accumulate = whole ? accumulate_all : 0;                                 \
    float *c = whole ? y : edge;                                                                                   \
    for (long left = rows, n; left > 0; left -= n, from += n, places += n) {                                       \
      n = tile_height(left, MOST);                                                                                 \
      const int32_t *to = whole ? places : edge_places;                                                            \
      switch (n) { CASES(GATHERED_CASE, TILES_OF) }                                                                \
      for (long r = 0; !whole && r < n; r++)                                                                       \
        copy_edge(edge + edge_places[r], columns, accumulate_all, y + places[r]);                                  \
    }                                                                                                              \
  }

GATHERED_PANELS(panels_of_one, gathered_one, 1, 6, CASES_TO_SIX)
GATHERED_PANELS(panels_of_tall, gathered_one, 1, 12, CASES_TO_TWELVE)
GATHERED_PANELS(panels_of_two, gathered_two, 2, 12, CASES_TO_TWELVE)
GATHERED_PANELS(panels_of_three, gathered_three, 3, 8, CASES_TO_EIGHT)
GATHERED_PANELS(panels_of_four, gathered_four, 4, 6, CASES_TO_SIX)

INLINE void convolve(int wide, const SOURCE *x, const int32_t *from, long taps, long step, long depth, const NUMBER *w,
                     long rows, long columns, float *y, const int32_t *to) {
  long whole = taps * depth;
  // Whole taps, or a part of one at a time.
  long some_taps = depth >= DEPTH ? 1 : smaller(taps, DEPTH / depth);
  long parts = (depth + DEPTH - 1) / DEPTH, size = ((depth + parts - 1) / parts + LANES - 1) / LANES * LANES;
  for (long t = 0; t < taps; t += some_taps)
    for (long p = 0; p < depth; p += size) {
      long n = smaller(some_taps, taps - t), some = smaller(size, depth - p), j = 0;
#define PANELS(OF, COUNT)                                                                                       \
  panels_of_##OF(smaller(COUNT * LANES, columns - j), rows, n, step, some, x + t * step + p * STEP, from,       \
                 w + (t * depth + p) * LANES + j * whole, whole * LANES, t > 0 || p > 0, y + j, to)
      if (wide) {
        for (; j + 3 * LANES < columns; j += 4 * LANES) PANELS(four, 4);
        if (j + 2 * LANES < columns) PANELS(three, 3);
        else if (j + LANES < columns) PANELS(two, 2);
        else if (j < columns) PANELS(tall, 1);
      } else {
        for (; j < columns; j += LANES) PANELS(one, 1);
      }
#undef PANELS
    }
}

// Some columns of gathered rows -> panels of sixteen columns, [columns / 16][steps][16]; zeros behind.
INLINE void pack_gathered_panels(const SOURCE *x, const int32_t *from, long rows, long columns, NUMBER *out) {
  NUMBER line[SIDE];
  long steps = steps_of(rows);
  for (long s = 0; s < steps; s++) {
    long r = s * STEP, stride = r + 1 < rows ? from[r + 1] - from[r] : 0;
    const NUMBER *row = step_numbers(x + from[r], stride, rows - r, columns, line);
    NUMBER *to = out + s * LANES;
    long i = 0;
    for (; i + LANES <= columns; i += LANES, to += LANES * steps) *(v16 *)to = *(const v16 *)(row + i);
    if (i < columns)
      for (int k = 0; k < LANES; k++) to[k] = i + k < columns ? row[i + k] : 0;
  }
}

// Steps of dy's rows that are packed at a time.
#define GATHERED_STEPS 512
#define GATHERED_SCRATCH (SIDE * SIDE + GATHERED_STEPS * SIDE + EDGE)

// A square of sums stays in cache while all these rows go by. scratch: GATHERED_SCRATCH numbers.
INLINE void convolution_weight_gradient(int wide, const SOURCE *dy, const SOURCE *x, const int32_t *from, long rows,
                                        long outputs, long dy_stride, long taps, long step, long depth, float *dw,
                                        int accumulate, NUMBER *scratch) {
  NUMBER *columns = scratch, *upstream = columns + SIDE * SIDE;
  float *edge = (float *)(upstream + GATHERED_STEPS * SIDE);
  long stride = taps * depth;
  for (long first = 0; first < rows; first += GATHERED_STEPS * STEP) {
    long all = smaller(GATHERED_STEPS * STEP, rows - first);
    for (long o = 0; o < outputs; o += SIDE) {
      long height = smaller(SIDE, outputs - o);
      pack_steps(dy + first * dy_stride + o, dy_stride, all, height, upstream);
      for (long t = 0; t < taps; t++)
        for (long i = 0; i < depth; i += SIDE)
          for (long r = 0; r < all; r += SIDE * STEP) {
            long some = smaller(SIDE * STEP, all - r), width = smaller(SIDE, depth - i);
            pack_gathered_panels(x + t * step + i, from + first + r, some, width, columns);
            square(wide, steps_of(some), height, width, upstream + r / STEP * SIDE, columns,
                   dw + o * stride + t * depth + i, stride, accumulate || first + r > 0, edge);
          }
    }
  }
}
