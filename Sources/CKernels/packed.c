// Products with a matrix packed once into panels of sixteen columns, shared by all row blocks: a sixth faster than the
// library on the blocks of a transformer (`emanate benchmark gemm`), because nothing is packed again for each block.
#include "training.h"
#include "vector.h"

typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));

// c[0..<ROWS, 0..<16 PANELS] = (accumulate ? c : 0) + a b for panels of b that stand `panel` floats apart.
#define TILE(NAME, ROWS, PANELS)                                                                              \
  INLINE void NAME(long depth, const float *a, long ars, const float *b, long panel, float *c, long crs,      \
                   int accumulate) {                                                                          \
    v16 sum[ROWS][PANELS];                                                                                    \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++)                                         \
        _Pragma("clang loop unroll(full)") for (int j = 0; j < PANELS; j++) {                                 \
      if (accumulate) sum[r][j] = *(const v16 *)(c + r * crs + j * LANES);                                    \
      else sum[r][j] = (v16){0};                                                                              \
    }                                                                                                         \
    for (long p = 0; p < depth; p++) {                                                                        \
      v16 row[PANELS];                                                                                        \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < PANELS; j++) row[j] =                            \
          *(const v16 *)(b + j * panel + p * LANES);                                                          \
      _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++)                                       \
          _Pragma("clang loop unroll(full)") for (int j = 0; j < PANELS; j++) sum[r][j] += a[r * ars + p] * row[j]; \
    }                                                                                                         \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++)                                         \
        _Pragma("clang loop unroll(full)") for (int j = 0; j < PANELS; j++) *(v16 *)(c + r * crs + j * LANES) = \
            sum[r][j];                                                                                        \
  }

TILE(tile6x1, 6, 1)
TILE(tile1x1, 1, 1)
TILE(tile6x4, 6, 4)
TILE(tile1x4, 1, 4)

// A panel's part of this depth and six rows of a fit the first cache together.
#define DEPTH 256

INLINE void columns1(long rows, long depth, const float *a, long ars, const float *b, float *c, long crs, int more) {
  long r = 0;
  for (; r + 6 <= rows; r += 6) tile6x1(depth, a + r * ars, ars, b, 0, c + r * crs, crs, more);
  for (; r < rows; r++) tile1x1(depth, a + r * ars, ars, b, 0, c + r * crs, crs, more);
}

INLINE void columns4(long rows, long depth, const float *a, long ars, const float *b, long panel, float *c, long crs,
                     int more) {
  long r = 0;
  for (; r + 6 <= rows; r += 6) tile6x4(depth, a + r * ars, ars, b, panel, c + r * crs, crs, more);
  for (; r < rows; r++) tile1x4(depth, a + r * ars, ars, b, panel, c + r * crs, crs, more);
}

VECTORIZED void em_packed_product_narrow(const float *a, long ars, const float *b, long rows, long columns, long depth,
                                         float *c, long crs, int accumulate) {
  for (long from = 0; from < depth; from += DEPTH) {
    long some = depth - from < DEPTH + DEPTH / 2 ? depth - from : DEPTH;
    for (long j = 0; j < columns; j += LANES)
      columns1(rows, some, a + from, ars, b + j * depth + from * LANES, c + j, crs, accumulate || from > 0);
    if (some > DEPTH) break;
  }
}

VECTORIZED void em_packed_product_wide(const float *a, long ars, const float *b, long rows, long columns, long depth,
                                       float *c, long crs, int accumulate) {
  for (long from = 0; from < depth; from += DEPTH) {
    long some = depth - from < DEPTH + DEPTH / 2 ? depth - from : DEPTH, j = 0;
    int more = accumulate || from > 0;
    for (; j + 4 * LANES <= columns; j += 4 * LANES)
      columns4(rows, some, a + from, ars, b + j * depth + from * LANES, depth * LANES, c + j, crs, more);
    for (; j < columns; j += LANES)
      columns1(rows, some, a + from, ars, b + j * depth + from * LANES, c + j, crs, more);
    if (some > DEPTH) break;
  }
}

int em_has_wide_registers(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") != 0;
#else
  return 0;
#endif
}

void em_packed_product(const float *a, long ars, const float *b, long rows, long columns, long depth, float *c,
                       long crs, int accumulate) {
  // Thirty-two registers hold a tile of six rows by four panels; with sixteen half as wide it is one panel.
  if (em_has_wide_registers())
    em_packed_product_wide(a, ars, b, rows, columns, depth, c, crs, accumulate);
  else
    em_packed_product_narrow(a, ars, b, rows, columns, depth, c, crs, accumulate);
}

VECTORIZED void em_pack(const float *x, long stride, int transposed, long depth, long columns, float *out) {
  for (long j = 0; j < columns; j += LANES) {
    float *panel = out + j * depth;
    if (transposed) {
      for (long p = 0; p < depth; p++)
        for (int lane = 0; lane < LANES; lane++) panel[p * LANES + lane] = x[(j + lane) * stride + p];
    } else {
      for (long p = 0; p < depth; p++)
        for (int lane = 0; lane < LANES; lane++) panel[p * LANES + lane] = x[p * stride + j + lane];
    }
  }
}
