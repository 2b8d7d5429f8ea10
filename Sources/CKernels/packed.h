// Products with a packed matrix, of the numbers that tile.h multiplies: in tiles of six rows by one panel of sixteen
// columns or, `wide`, by four.
#pragma once
#include "tile.h"

// A panel's part of this depth and six rows of a share the first cache.
#define DEPTH 384

// All rows times some panels, over one part of the depth.
INLINE void panels(int four, long rows, long depth, const NUMBER *a, long ars, const NUMBER *b, long panel,
                   const float *plus, long prs, float *c, long crs) {
  tile_rows share = share_rows(rows);
  for (long t = 0; t < share.count; t++) {
    long n = share.low + (t < share.high);
    if (four) tile_four(n, depth, a, ars, 1, 1, b, panel, plus, prs, c, crs);
    else tile_one(n, depth, a, ars, 1, 1, b, panel, plus, prs, c, crs);
    a += n * ars;
    c += n * crs;
    if (plus) plus += n * prs;
  }
}

INLINE void packed_product(int wide, const NUMBER *a, long ars, const NUMBER *b, long rows, long columns, long depth,
                           const float *bias, float *c, long crs, int accumulate) {
  long parts = (depth + DEPTH - 1) / DEPTH, size = ((depth + parts - 1) / parts + LANES - 1) / LANES * LANES;
  for (long from = 0; from < depth; from += size) {
    long some = smaller(size, depth - from), j = 0;
    int more = accumulate || from > 0;
    const float *plus = more ? c : bias;
    long prs = more ? crs : 0;
    for (; wide && j + 4 * LANES <= columns; j += 4 * LANES)
      panels(1, rows, some, a + from, ars, b + j * depth + from * LANES, depth * LANES,
             plus ? plus + j : 0, prs, c + j, crs);
    for (; j < columns; j += LANES)
      panels(0, rows, some, a + from, ars, b + j * depth + from * LANES, 0, plus ? plus + j : 0, prs, c + j,
             crs);
  }
}
