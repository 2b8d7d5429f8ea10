// Register tiles of matrix products: up to six rows of sums stay in vector registers while a runs by as broadcast
// numbers and b as vectors. Everything that multiplies matrices here is built from them.
//
// They multiply numbers. A file may define before this header what a NUMBER is, four bytes long, and how
// MULTIPLY_ADD(V, sum, x, row) adds one number x times a vector of them to a vector of float32 sums: pairs of bfloat16
// are such numbers (pairs.h).
#pragma once
#include "vector.h"

#ifndef NUMBER
#define NUMBER float
#define MULTIPLY_ADD(V, sum, x, row) sum += (x) * (row)
#endif

typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));

#define TILE_ROWS 6
#define HALF (LANES / 2)

#define EACH_ROW _Pragma("clang loop unroll(full)") for (int r = 0; r < rows_; r++)
#define EACH_PANEL _Pragma("clang loop unroll(full)") for (int j = 0; j < panels_; j++)

// sum += column p of a times row p of b.
#define OUTER_PRODUCT(V, p)                                                       \
  {                                                                               \
    V row[panels_];                                                               \
    EACH_PANEL row[j] = *(const V *)(b + j * panel + (p)*lanes_);                 \
    EACH_ROW EACH_PANEL MULTIPLY_ADD(V, sum[r][j], a[r * ars + (p)*acs], row[j]); \
  }

#define TILE(NAME, V, ROWS, PANELS)                                                                         \
  INLINE void NAME##ROWS(long depth, const NUMBER *a, long ars, long acs, int ahead, const NUMBER *b,       \
                         long panel, const float *plus, long prs, float *c, long crs) {                       \
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
    if (plus) EACH_ROW EACH_PANEL sum[r][j] += *(const V *)(plus + r * prs + j * lanes_);                   \
    EACH_ROW EACH_PANEL *(V *)(c + r * crs + j * lanes_) = sum[r][j];                                       \
  }

#define TILE_CASE(NAME, ROWS) \
  case ROWS: NAME##ROWS(depth, a, ars, acs, ahead, b, panel, plus, prs, c, crs); break;

// NAME: c[0..<rows, 0..<PANELS vectors] = plus + a b for one to six rows, where a[r, p] stands at a[r * ars + p * acs],
// row p of a panel of b at b + p * (lanes of V), and the next panel `panel` floats on. Row r of what is added, if it is
// not NULL, stands at plus + r * prs: c itself, or with prs 0 one row for all.
// `ahead` (a constant; for acs 1): fetches the rows of a below, which are the next tile's.
#define TILES(NAME, V, PANELS)                                                                              \
  TILE(NAME, V, 1, PANELS)                                                                                  \
  TILE(NAME, V, 2, PANELS)                                                                                  \
  TILE(NAME, V, 3, PANELS)                                                                                  \
  TILE(NAME, V, 4, PANELS)                                                                                  \
  TILE(NAME, V, 5, PANELS)                                                                                  \
  TILE(NAME, V, 6, PANELS)                                                                                  \
  INLINE void NAME(long rows, long depth, const NUMBER *a, long ars, long acs, int ahead, const NUMBER *b,  \
                   long panel, const float *plus, long prs, float *c, long crs) {                           \
    switch (rows) {                                                                                         \
      TILE_CASE(NAME, 6)                                                                                    \
      TILE_CASE(NAME, 5)                                                                                    \
      TILE_CASE(NAME, 4)                                                                                    \
      TILE_CASE(NAME, 3)                                                                                    \
      TILE_CASE(NAME, 2)                                                                                    \
      TILE_CASE(NAME, 1)                                                                                    \
    }                                                                                                       \
  }

// A panel is sixteen columns.
TILES(tile_one, v16, 1)
TILES(tile_two, v16, 2)
TILES(tile_three, v16, 3)
TILES(tile_four, v16, 4)

// The fewer panels, the more rows fill thirty-two registers: six rows of one panel would wait for their own sums.
TILE(tile_one, v16, 8, 1)
TILE(tile_one, v16, 10, 1)
TILE(tile_one, v16, 12, 1)
TILE(tile_two, v16, 8, 2)
TILE(tile_two, v16, 10, 2)
TILE(tile_two, v16, 12, 2)
TILE(tile_three, v16, 8, 3)

// Cases of a switch over how many rows a tile has.
#define CASES_TO_SIX(CASE, NAME) \
  CASE(NAME, 1) CASE(NAME, 2) CASE(NAME, 3) CASE(NAME, 4) CASE(NAME, 5) CASE(NAME, 6)
#define CASES_TO_EIGHT(CASE, NAME) CASES_TO_SIX(CASE, NAME) CASE(NAME, 8)
#define CASES_TO_TWELVE(CASE, NAME) CASES_TO_EIGHT(CASE, NAME) CASE(NAME, 10) CASE(NAME, 12)

// Of `left` rows, how many go next where a tile has `most` at most: as many as fit, but for the last two tiles, which
// share what is left.
INLINE long tile_height(long left, long most) {
  if (left >= 2 * most || left == most) return most;
  long n = left > most ? (left + 1) / 2 : left;
  return n <= 6 ? n : n / 2 * 2;
}

// to = (accumulate ? to : 0) + sums, for columns that fill no panel.
INLINE void copy_edge(const float *sums, long columns, int accumulate, float *to) {
  if (accumulate)
    for (long j = 0; j < columns; j++) to[j] += sums[j];
  else
    for (long j = 0; j < columns; j++) to[j] = sums[j];
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

#define SHUFFLE4(a, b, i, j) \
  __builtin_shufflevector(a, b, i, i + 1, j, j + 1, i + 4, i + 5, j + 4, j + 5)

// Stores eight rows of eight words transposed.
INLINE void store_transposed8(v8 *a, float *out, long out_stride) {
  v8 b[8];
  for (int i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4)
    for (int k = 0; k < 2; k++) {
      a[i + 2 * k] = SHUFFLE4(b[i + k], b[i + k + 2], 0, 8);
      a[i + 2 * k + 1] = SHUFFLE4(b[i + k], b[i + k + 2], 2, 10);
    }
  for (int i = 0; i < 4; i++) {
    *(v8 *)(out + i * out_stride) = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    *(v8 *)(out + (i + 4) * out_stride) = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// Eight rows of eight numbers of four bytes, transposed.
INLINE void transpose8(const float *x, long stride, float *out, long out_stride) {
  v8 a[8];
  for (int i = 0; i < 8; i++) a[i] = *(const v8 *)(x + i * stride);
  store_transposed8(a, out, out_stride);
}
