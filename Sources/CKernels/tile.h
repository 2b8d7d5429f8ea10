// Register tiles of matrix products: up to six rows of sums stay in vector registers while a runs by as broadcast
// numbers and b as vectors. Everything that multiplies matrices here is built from them.
#pragma once
#include "vector.h"

typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));

#define TILE_ROWS 6

#define EACH_ROW _Pragma("clang loop unroll(full)") for (int r = 0; r < rows_; r++)
#define EACH_PANEL _Pragma("clang loop unroll(full)") for (int j = 0; j < panels_; j++)

// sum += column p of a times row p of b.
#define OUTER_PRODUCT(V, p)                                          \
  {                                                                  \
    V row[panels_];                                                  \
    EACH_PANEL row[j] = *(const V *)(b + j * panel + (p)*lanes_);    \
    EACH_ROW EACH_PANEL sum[r][j] += a[r * ars + (p)*acs] * row[j]; \
  }

#define TILE(NAME, V, ROWS, PANELS)                                                                         \
  INLINE void NAME##ROWS(long depth, const float *a, long ars, long acs, int ahead, const float *b,         \
                         long panel, float *c, long crs, int accumulate) {                                  \
    enum { rows_ = ROWS, panels_ = PANELS, lanes_ = sizeof(V) / sizeof(float) };                            \
    V sum[ROWS][PANELS];                                                                                    \
    EACH_ROW EACH_PANEL sum[r][j] = (V){0};                                                                 \
    EACH_ROW EACH_PANEL __builtin_prefetch(c + r * crs + j * lanes_, 1);                                    \
    long p = 0;                                                                                             \
    for (; p + LANES <= depth; p += LANES) {                                                                \
      if (ahead) EACH_ROW __builtin_prefetch(a + (r + ROWS) * ars + p);                                     \
      _Pragma("clang loop unroll_count(4)") for (long q = p; q < p + LANES; q++) OUTER_PRODUCT(V, q)        \
    }                                                                                                       \
    for (; p < depth; p++) OUTER_PRODUCT(V, p)                                                              \
    if (accumulate) EACH_ROW EACH_PANEL sum[r][j] += *(const V *)(c + r * crs + j * lanes_);                \
    EACH_ROW EACH_PANEL *(V *)(c + r * crs + j * lanes_) = sum[r][j];                                       \
  }

#define TILE_CASE(NAME, ROWS) \
  case ROWS: NAME##ROWS(depth, a, ars, acs, ahead, b, panel, c, crs, accumulate); break;

// NAME: c[0..<rows, 0..<PANELS vectors] = (accumulate ? c : 0) + a b for one to six rows, where a[r, p] stands at
// a[r * ars + p * acs], row p of a panel of b at b + p * (lanes of V), and the next panel `panel` floats on.
// `ahead` (a constant; for acs 1): fetches the rows of a below, which are the next tile's.
#define TILES(NAME, V, PANELS)                                                                              \
  TILE(NAME, V, 1, PANELS)                                                                                  \
  TILE(NAME, V, 2, PANELS)                                                                                  \
  TILE(NAME, V, 3, PANELS)                                                                                  \
  TILE(NAME, V, 4, PANELS)                                                                                  \
  TILE(NAME, V, 5, PANELS)                                                                                  \
  TILE(NAME, V, 6, PANELS)                                                                                  \
  INLINE void NAME(long rows, long depth, const float *a, long ars, long acs, int ahead, const float *b,    \
                   long panel, float *c, long crs, int accumulate) {                                        \
    switch (rows) {                                                                                         \
      TILE_CASE(NAME, 6)                                                                                    \
      TILE_CASE(NAME, 5)                                                                                    \
      TILE_CASE(NAME, 4)                                                                                    \
      TILE_CASE(NAME, 3)                                                                                    \
      TILE_CASE(NAME, 2)                                                                                    \
      TILE_CASE(NAME, 1)                                                                                    \
    }                                                                                                       \
  }

// How rows are shared out evenly among tiles: the first `high` tiles have one row more than `low`.
typedef struct {
  long count, low, high;
} tile_rows;

INLINE tile_rows share_rows(long rows) {
  long count = rows > 0 ? (rows + TILE_ROWS - 1) / TILE_ROWS : 1;
  return (tile_rows){count, rows / count, rows % count};
}

INLINE long smaller(long a, long b) { return a < b ? a : b; }
