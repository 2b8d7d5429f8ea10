// Attention of one head, forward and backward, on packed copies in cache; probabilities are never stored in
// full between the passes. All five products go through one register tile of six rows by sixteen columns.
#include <math.h>

#include "training.h"
#include "vector.h"

typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));

// c[0..<rows, 0..<16] = (accumulate ? c : 0) + a b, with a[r, p] at a[r * ars + p * acs] and b[p] at b +
// p * brs.
#define TILE(ROWS)                                                                                           \
  INLINE void tile##ROWS(long depth, const float *a, long ars, long acs, const float *b, long brs, float *c, \
                         long crs, int accumulate) {                                                         \
    v16 sum[ROWS];                                                                                           \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++) {                                      \
      if (accumulate) sum[r] = *(const v16 *)(c + r * crs);                                                  \
      else sum[r] = (v16){0};                                                                                \
    }                                                                                                        \
    for (long p = 0; p < depth; p++) {                                                                       \
      v16 row = *(const v16 *)(b + p * brs);                                                                 \
      _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++)                                      \
          sum[r] += a[r * ars + p * acs] * row;                                                              \
    }                                                                                                        \
    _Pragma("clang loop unroll(full)") for (int r = 0; r < ROWS; r++) *(v16 *)(c + r * crs) = sum[r];        \
  }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)

// c [rows, 16 panels] = (accumulate ? c : 0) + a b; panel j of b starts at b + j * panel, its rows brs apart.
INLINE void product(long rows, long panels, long depth, const float *a, long ars, long acs, const float *b,
                    long panel, long brs, float *c, long crs, int accumulate) {
  for (long r = 0; r < rows; r += 6) {
    long left = rows - r < 6 ? rows - r : 6;
    for (long j = 0; j < panels; j++) {
      const float *from = a + r * ars, *with = b + j * panel;
      float *to = c + r * crs + j * LANES;
      switch (left) {
        case 6: tile6(depth, from, ars, acs, with, brs, to, crs, accumulate); break;
        case 5: tile5(depth, from, ars, acs, with, brs, to, crs, accumulate); break;
        case 4: tile4(depth, from, ars, acs, with, brs, to, crs, accumulate); break;
        case 3: tile3(depth, from, ars, acs, with, brs, to, crs, accumulate); break;
        case 2: tile2(depth, from, ars, acs, with, brs, to, crs, accumulate); break;
        default: tile1(depth, from, ars, acs, with, brs, to, crs, accumulate); break;
      }
    }
  }
}

INLINE long padded(long n) { return (n + LANES - 1) / LANES * LANES; }

// [tokens, depth] -> [tokens, padded depth], times scale, zeros behind.
INLINE void pack_rows(const float *x, long stride, long tokens, long depth, long wide, float scale,
                      float *out) {
  for (long t = 0; t < tokens; t++) {
    for (long i = 0; i < depth; i++) out[t * wide + i] = scale * x[t * stride + i];
    for (long i = depth; i < wide; i++) out[t * wide + i] = 0;
  }
}

// [tokens, depth] -> panels of sixteen tokens: [tokens / 16][depth][16], zeros behind.
INLINE void pack_columns(const float *x, long stride, long tokens, long depth, float *out) {
  for (long start = 0; start < tokens; start += LANES) {
    float *panel = out + start * depth;
    long n = tokens - start < LANES ? tokens - start : LANES;
    if (n < LANES) memset(panel, 0, (size_t)(depth * LANES) * 4);
    for (long t = 0; t < n; t++)
      for (long i = 0; i < depth; i++) panel[i * LANES + t] = x[(start + t) * stride + i];
  }
}

#define QUERY_ROWS 24
#define GRADIENT_ROWS 192

long em_attention_scratch(long tokens, long depth) {
  long wide = padded(depth), keys = padded(tokens), some = tokens < GRADIENT_ROWS ? tokens : GRADIENT_ROWS;
  return 8 * keys * wide + 2 * (some + 6) * keys + QUERY_ROWS * (keys + wide) + keys + 64;
}

VECTORIZED void em_attention(const float *q, const float *k, const float *v, long stride, long tokens,
                             long depth, float *out, long out_stride, float *log_sums, float *scratch) {
  long wide = padded(depth), keys = padded(tokens);
  float *queries = scratch, *columns = queries + keys * wide, *values = columns + keys * wide;
  float *scores = values + keys * wide, *sums = scores + QUERY_ROWS * keys;
  pack_rows(q, stride, tokens, depth, wide, 1.0f / __builtin_sqrtf((float)depth), queries);
  pack_columns(k, stride, tokens, depth, columns);
  pack_rows(v, stride, tokens, depth, wide, 1.0f, values);
  for (long first = 0; first < tokens; first += QUERY_ROWS) {
    long rows = tokens - first < QUERY_ROWS ? tokens - first : QUERY_ROWS;
    product(rows, keys / LANES, depth, queries + first * wide, wide, 1, columns, depth * LANES, LANES, scores,
            keys, 0);
    for (long r = 0; r < rows; r++) {
      float *s = scores + r * keys;
      float lanes[LANES];
      for (int j = 0; j < LANES; j++) lanes[j] = -3.0e38f;
      for (long i = tokens; i < keys; i++) s[i] = -3.0e38f;
      for (long i = 0; i < keys; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] = s[i + j] > lanes[j] ? s[i + j] : lanes[j];
      float top = lanes[0];
      for (int j = 1; j < LANES; j++) top = lanes[j] > top ? lanes[j] : top;
      for (long i = 0; i < keys; i++) s[i] = fast_exp(s[i] - top);
      for (long i = tokens; i < keys; i++) s[i] = 0;
      SUM(total, keys, s[i]);
      log_sums[first + r] = top + logf(total);
      float inverse = 1.0f / total;
      for (long i = 0; i < keys; i++) s[i] *= inverse;
    }
    product(rows, wide / LANES, tokens, scores, keys, 1, values, LANES, wide, sums, wide, 0);
    for (long r = 0; r < rows; r++)
      for (long i = 0; i < depth; i++) out[(first + r) * out_stride + i] = sums[r * wide + i];
  }
}

VECTORIZED void em_attention_backward(const float *q, const float *k, const float *v, long stride,
                                      long tokens, long depth, const float *out, const float *dout,
                                      long out_stride, const float *log_sums, float *dq, float *dk, float *dv,
                                      long gradient_stride, float *scratch) {
  long wide = padded(depth), keys = padded(tokens), some = tokens < GRADIENT_ROWS ? tokens : GRADIENT_ROWS;
  float scale = 1.0f / __builtin_sqrtf((float)depth);
  float *queries = scratch, *key_columns = queries + keys * wide, *value_columns = key_columns + keys * wide;
  float *key_rows = value_columns + keys * wide, *upstream = key_rows + keys * wide;
  float *key_sums = upstream + keys * wide, *value_sums = key_sums + keys * wide,
        *query_sums = value_sums + keys * wide;
  float *p = query_sums + keys * wide, *ds = p + some * keys;
  pack_rows(q, stride, tokens, depth, wide, scale, queries);
  pack_rows(k, stride, tokens, depth, wide, 1.0f, key_rows);
  pack_rows(dout, out_stride, tokens, depth, wide, 1.0f, upstream);
  pack_columns(k, stride, tokens, depth, key_columns);
  pack_columns(v, stride, tokens, depth, value_columns);
  for (long first = 0; first < tokens; first += some) {
    long rows = tokens - first < some ? tokens - first : some;
    const float *d = upstream + first * wide;
    // A few rows at a time: scores, probabilities and their gradients stay in the first cache.
    for (long start = 0; start < rows; start += 6) {
      long n = rows - start < 6 ? rows - start : 6;
      product(n, keys / LANES, depth, queries + (first + start) * wide, wide, 1, key_columns, depth * LANES,
              LANES, p + start * keys, keys, 0);
      product(n, keys / LANES, depth, d + start * wide, wide, 1, value_columns, depth * LANES, LANES,
              ds + start * keys, keys, 0);
      for (long r = start; r < start + n; r++) {
        const float *o = out + (first + r) * out_stride, *u = d + r * wide;
        SUM(delta, depth, u[i] * o[i]);
        float *probability = p + r * keys, *gradient = ds + r * keys, shift = log_sums[first + r];
        for (long i = 0; i < keys; i++) {
          float value = fast_exp(probability[i] - shift);
          probability[i] = value;
          gradient[i] = value * (gradient[i] - delta);
        }
        for (long i = tokens; i < keys; i++) probability[i] = gradient[i] = 0;
      }
    }
    product(rows, wide / LANES, tokens, ds, keys, 1, key_rows, LANES, wide, query_sums + first * wide, wide,
            0);
    product(tokens, wide / LANES, rows, p, 1, keys, d, LANES, wide, value_sums, wide, first > 0);
    product(tokens, wide / LANES, rows, ds, 1, keys, queries + first * wide, LANES, wide, key_sums, wide,
            first > 0);
  }
  for (long t = 0; t < tokens; t++)
    for (long i = 0; i < depth; i++) {
      dq[t * gradient_stride + i] = scale * query_sums[t * wide + i];
      dk[t * gradient_stride + i] = key_sums[t * wide + i];
      dv[t * gradient_stride + i] = value_sums[t * wide + i];
    }
}

VECTORIZED void em_class_attention(const float *q, const float *k, const float *v, long stride, long tokens,
                                   long depth, float *probabilities, float *out) {
  float scale = 1.0f / __builtin_sqrtf((float)depth), top = -3.0e38f;
  for (long t = 0; t < tokens; t++) {
    const float *key = k + t * stride;
    SUM(score, depth, q[i] * key[i]);
    probabilities[t] = score * scale;
    top = probabilities[t] > top ? probabilities[t] : top;
  }
  for (long t = 0; t < tokens; t++) probabilities[t] = fast_exp(probabilities[t] - top);
  SUM(total, tokens, probabilities[i]);
  for (long t = 0; t < tokens; t++) probabilities[t] /= total;
  for (long i = 0; i < depth; i++) out[i] = 0;
  for (long t = 0; t < tokens; t++)
    for (long i = 0; i < depth; i++) out[i] += probabilities[t] * v[t * stride + i];
}

VECTORIZED void em_class_attention_backward(const float *q, const float *k, const float *v, long stride,
                                            long tokens, long depth, const float *probabilities,
                                            const float *dout, float *dq, float *dk, float *dv,
                                            float *scratch) {
  float scale = 1.0f / __builtin_sqrtf((float)depth);
  for (long t = 0; t < tokens; t++) {
    const float *value = v + t * stride;
    SUM(dot, depth, dout[i] * value[i]);
    scratch[t] = dot;
    for (long i = 0; i < depth; i++) dv[t * stride + i] = probabilities[t] * dout[i];
  }
  SUM(mean, tokens, probabilities[i] * scratch[i]);
  for (long i = 0; i < depth; i++) dq[i] = 0;
  for (long t = 0; t < tokens; t++) {
    float ds = scale * probabilities[t] * (scratch[t] - mean);
    for (long i = 0; i < depth; i++) {
      dq[i] += ds * k[t * stride + i];
      dk[t * stride + i] = ds * q[i];
    }
  }
}
