// Convolutions of images whose channels lie together, as products whose rows are gathered where they stand: the inputs of
// one output pixel under one row of the kernel are one piece of memory, so nothing is copied for each tap (compare
// Dukhan 2019, arXiv:1907.02129).
#include "convolution.h"

#include "tile.h"
#include "training.h"

#define GATHERED_TILE(NAME, V, ROWS, PANELS)                                                                      \
  INLINE void NAME##ROWS(long taps, long step, long depth, const float *x, const int32_t *from, const float *b, \
                         long panel, int accumulate, float *c, const int32_t *to) {                             \
    enum { rows_ = ROWS, panels_ = PANELS, lanes_ = sizeof(V) / sizeof(float) };                                \
    V sum[ROWS][PANELS];                                                                                        \
    const float *a[ROWS];                                                                                       \
    EACH_ROW a[r] = x + from[r];                                                                                \
    EACH_ROW EACH_PANEL sum[r][j] = (V){0};                                                                     \
    EACH_ROW EACH_PANEL __builtin_prefetch(c + to[r] + j * lanes_, 1);                                          \
    for (long t = 0; t < taps; t++, b += depth * lanes_) {                                                      \
      _Pragma("clang loop unroll_count(4)") for (long p = 0; p < depth; p++) {                                  \
        V row[panels_];                                                                                         \
        EACH_PANEL row[j] = *(const V *)(b + j * panel + p * lanes_);                                           \
        EACH_ROW EACH_PANEL sum[r][j] += a[r][p] * row[j];                                                      \
      }                                                                                                         \
      EACH_ROW a[r] += step;                                                                                    \
    }                                                                                                           \
    if (accumulate) EACH_ROW EACH_PANEL sum[r][j] += *(const V *)(c + to[r] + j * lanes_);                      \
    EACH_ROW EACH_PANEL *(V *)(c + to[r] + j * lanes_) = sum[r][j];                                             \
  }

#define GATHERED_CASE(NAME, ROWS) \
  case ROWS: NAME##ROWS(taps, step, depth, x, from, b, panel, accumulate, c, to); break;

#define GATHERED_TILES(NAME, V, PANELS)                                                                          \
  GATHERED_TILE(NAME, V, 1, PANELS)                                                                              \
  GATHERED_TILE(NAME, V, 2, PANELS)                                                                              \
  GATHERED_TILE(NAME, V, 3, PANELS)                                                                              \
  GATHERED_TILE(NAME, V, 4, PANELS)                                                                              \
  GATHERED_TILE(NAME, V, 5, PANELS)                                                                              \
  GATHERED_TILE(NAME, V, 6, PANELS)                                                                              \
  INLINE void NAME(long rows, long taps, long step, long depth, const float *x, const int32_t *from,             \
                   const float *b, long panel, int accumulate, float *c, const int32_t *to) {                    \
    switch (rows) {                                                                                              \
      GATHERED_CASE(NAME, 6)                                                                                     \
      GATHERED_CASE(NAME, 5)                                                                                     \
      GATHERED_CASE(NAME, 4)                                                                                     \
      GATHERED_CASE(NAME, 3)                                                                                     \
      GATHERED_CASE(NAME, 2)                                                                                     \
      GATHERED_CASE(NAME, 1)                                                                                     \
    }                                                                                                            \
  }

GATHERED_TILES(gathered_one, v16, 1)
GATHERED_TILES(gathered_four, v16, 4)

// All rows times some panels, over one part of the depth; a last panel that is not whole goes through `edge`.
INLINE void gathered_panels(int four, long rows, long taps, long step, long depth, const float *x, const int32_t *from,
                            const float *b, long panel, int accumulate, float *c, const int32_t *to) {
  tile_rows share = share_rows(rows);
  for (long t = 0; t < share.count; t++) {
    long n = share.low + (t < share.high);
    if (four) gathered_four(n, taps, step, depth, x, from, b, panel, accumulate, c, to);
    else gathered_one(n, taps, step, depth, x, from, b, panel, accumulate, c, to);
    from += n;
    to += n;
  }
}

INLINE void gathered_edge(long columns, long rows, long taps, long step, long depth, const float *x,
                          const int32_t *from, const float *b, int accumulate, float *c, const int32_t *to) {
  static const int32_t places[TILE_ROWS] = {0, 16, 32, 48, 64, 80};
  float edge[TILE_ROWS * LANES];
  tile_rows share = share_rows(rows);
  for (long t = 0; t < share.count; t++) {
    long n = share.low + (t < share.high);
    gathered_one(n, taps, step, depth, x, from, b, 0, 0, edge, places);
    for (long r = 0; r < n; r++)
      for (long j = 0; j < columns; j++) {
        float *at = c + to[r] + j;
        *at = (accumulate ? *at : 0) + edge[r * LANES + j];
      }
    from += n;
    to += n;
  }
}

// A panel's part of this depth and six rows of x share the first cache.
#define DEPTH 384

INLINE void convolve(int wide, const float *x, const int32_t *from, long taps, long step, long depth, const float *w,
                     long rows, long columns, float *y, const int32_t *to) {
  long whole = taps * depth;
  // Whole taps, or a part of one at a time.
  long some_taps = depth >= DEPTH ? 1 : smaller(taps, DEPTH / depth);
  long parts = (depth + DEPTH - 1) / DEPTH, size = ((depth + parts - 1) / parts + LANES - 1) / LANES * LANES;
  for (long t = 0; t < taps; t += some_taps)
    for (long p = 0; p < depth; p += size) {
      long n = smaller(some_taps, taps - t), some = smaller(size, depth - p), j = 0;
      int accumulate = t > 0 || p > 0;
      const float *a = x + t * step + p, *b = w + (t * depth + p) * LANES;
      for (; wide && j + 4 * LANES <= columns; j += 4 * LANES)
        gathered_panels(1, rows, n, step, some, a, from, b + j * whole, whole * LANES, accumulate, y + j, to);
      for (; j + LANES <= columns; j += LANES)
        gathered_panels(0, rows, n, step, some, a, from, b + j * whole, 0, accumulate, y + j, to);
      if (j < columns)
        gathered_edge(columns - j, rows, n, step, some, a, from, b + j * whole, accumulate, y + j, to);
    }
}

VECTORIZED void em_convolve_narrow(const float *x, const int32_t *from, long taps, long step, long depth,
                                   const float *w, long rows, long columns, float *y, const int32_t *to) {
  convolve(0, x, from, taps, step, depth, w, rows, columns, y, to);
}

VECTORIZED void em_convolve_wide(const float *x, const int32_t *from, long taps, long step, long depth,
                                 const float *w, long rows, long columns, float *y, const int32_t *to) {
  convolve(1, x, from, taps, step, depth, w, rows, columns, y, to);
}

void em_convolve(const float *x, const int32_t *from, long taps, long step, long depth, const float *w, long rows,
                 long columns, float *y, const int32_t *to) {
  if (em_has_wide_registers()) em_convolve_wide(x, from, taps, step, depth, w, rows, columns, y, to);
  else em_convolve_narrow(x, from, taps, step, depth, w, rows, columns, y, to);
}

void em_pack_convolution(const float *w, long outputs, long inputs, long side, em_taps down, em_taps across,
                         int transposed, long first, long count, float *out) {
  long kernel = side * side, columns = transposed ? inputs : outputs, rows = transposed ? outputs : inputs;
  // From one column to the next, and from one row of a tap to the next.
  long column = transposed ? kernel : inputs * kernel, row = transposed ? inputs * kernel : kernel;
  for (long j = first; j < first + count; j += LANES) {
    long lanes = smaller(LANES, columns - j);
    for (long y = 0; y < down.count; y++)
      for (long x = 0; x < across.count; x++) {
        const float *tap = w + (down.first + y * down.step) * side + across.first + x * across.step + j * column;
        for (long r = 0; r < rows; r++, out += LANES) {
          for (long lane = 0; lane < lanes; lane++) out[lane] = tap[r * row + lane * column];
          for (long lane = lanes; lane < LANES; lane++) out[lane] = 0;
        }
      }
  }
}

// A step of the weight gradient's sums is a row as it stands.
#define SOURCE float
#define STEP 1
INLINE const float *step_numbers(const float *x, long stride, long rows, long columns, float *line) { return x; }

#include "weight_gradient.h"

// Some columns of gathered rows -> panels of sixteen columns, [columns / 16][rows][16]; zeros behind.
INLINE void pack_gathered_panels(const float *x, const int32_t *from, long rows, long columns, float *out) {
  for (long s = 0; s < rows; s++) {
    const float *row = x + from[s];
    float *to = out + s * LANES;
    long i = 0;
    for (; i + LANES <= columns; i += LANES, to += LANES * rows) *(v16 *)to = *(const v16 *)(row + i);
    if (i < columns)
      for (int k = 0; k < LANES; k++) to[k] = i + k < columns ? row[i + k] : 0;
  }
}

INLINE void convolution_weight_gradient(int wide, const float *dy, const float *x, const int32_t *from, long rows,
                                        long outputs, long taps, long step, long depth, float *dw, int accumulate,
                                        float *scratch) {
  float *columns = scratch, *upstream = columns + SIDE * SIDE, *edge = upstream + SIDE * SIDE;
  long stride = taps * depth;
  for (long first = 0; first < rows; first += SIDE) {
    long some = smaller(SIDE, rows - first);
    for (long o = 0; o < outputs; o += SIDE) {
      long height = smaller(SIDE, outputs - o);
      pack_steps(dy + first * outputs + o, outputs, some, height, upstream);
      for (long t = 0; t < taps; t++)
        for (long i = 0; i < depth; i += SIDE) {
          long width = smaller(SIDE, depth - i);
          pack_gathered_panels(x + t * step + i, from + first, some, width, columns);
          square(wide, some, height, width, upstream, columns, dw + o * stride + t * depth + i, stride,
                 accumulate || first > 0, edge);
        }
    }
  }
}

VECTORIZED void em_convolution_weight_gradient_narrow(const float *dy, const float *x, const int32_t *from, long rows,
                                                      long outputs, long taps, long step, long depth, float *dw,
                                                      int accumulate, float *scratch) {
  convolution_weight_gradient(0, dy, x, from, rows, outputs, taps, step, depth, dw, accumulate, scratch);
}

VECTORIZED void em_convolution_weight_gradient_wide(const float *dy, const float *x, const int32_t *from, long rows,
                                                    long outputs, long taps, long step, long depth, float *dw,
                                                    int accumulate, float *scratch) {
  convolution_weight_gradient(1, dy, x, from, rows, outputs, taps, step, depth, dw, accumulate, scratch);
}

void em_convolution_weight_gradient(const float *dy, const float *x, const int32_t *from, long rows, long outputs,
                                    long taps, long step, long depth, float *dw, int accumulate, float *scratch) {
  if (em_has_wide_registers())
    em_convolution_weight_gradient_wide(dy, x, from, rows, outputs, taps, step, depth, dw, accumulate, scratch);
  else em_convolution_weight_gradient_narrow(dy, x, from, rows, outputs, taps, step, depth, dw, accumulate, scratch);
}

VECTORIZED void em_unpack_convolution_gradient(const float *parts, long count, long inputs, long side, float *dw,
                                               int accumulate, long outputs, long from, long until) {
  long kernel = side * side, whole = outputs * inputs * kernel;
  for (long o = from; o < until; o++)
    for (long t = 0; t < kernel; t++) {
      const float *in = parts + (o * kernel + t) * inputs;
      float *out = dw + o * inputs * kernel + t;
      for (long i = 0; i < inputs; i++) {
        float sum = accumulate ? out[i * kernel] : 0;
        for (long part = 0; part < count; part++) sum += in[part * whole + i];
        out[i * kernel] = sum;
      }
    }
}
