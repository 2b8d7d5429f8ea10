// Attention of one head, forward and backward, on packed copies in cache; probabilities are never stored in
// full between the passes. All products go through register tiles of up to six rows by sixteen columns, or by
// sixty-four where there are thirty-two registers: six sums are too few to keep such a processor's multipliers busy.
#include <math.h>

#include "tile.h"
#include "training.h"

TILES(tile_half, v8, 1)

// c [rows, columns] = (accumulate ? c : 0) + a b, with a[r, p] at a[r * ars + p * acs]. Panels of b hold sixteen
// columns of all its rows, the last one eight where that is enough.
INLINE void product(int wide, long rows, long columns, long depth, const float *a, long ars, long acs, const float *b,
                    float *c, long crs, int accumulate) {
  tile_rows share = share_rows(rows);
  long step = LANES;
  for (long j = 0; j < columns; j += step) {
    step = wide && columns - j >= 4 * LANES ? 4 * LANES : LANES;
    const float *panel = b + j * depth, *from = a;
    float *to = c + j;
    for (long t = 0; t < share.count; t++) {
      long n = share.low + (t < share.high);
      if (wide && step > LANES)
        tile_four(n, depth, from, ars, acs, 0, panel, depth * LANES, accumulate ? to : 0, crs, to, crs);
      else if (columns - j > HALF) tile_one(n, depth, from, ars, acs, 0, panel, 0, accumulate ? to : 0, crs, to, crs);
      else tile_half(n, depth, from, ars, acs, 0, panel, 0, accumulate ? to : 0, crs, to, crs);
      from += n * ars;
      to += n * crs;
    }
  }
}

// What scores are multiplied with, so that their softmax is a power of two: log2(e) / sqrt(depth).
INLINE float score_scale(long depth) { return 1.44269504f / __builtin_sqrtf((float)depth); }

INLINE long padded(long n) { return (n + HALF - 1) / HALF * HALF; }

// Rows fetched ahead while rows are packed: they lie too far apart for the processor to guess the next.
#define AHEAD 16

// [rows, columns] -> panels, times scale; zeros behind.
INLINE void pack_rows(const float *x, long stride, long rows, long columns, float scale, float *out) {
  long wide = padded(columns);
  for (long r = 0; r < rows; r++) {
    const float *from = x + r * stride;
    long j = 0;
    for (; j + LANES <= columns; j += LANES) {
      __builtin_prefetch(from + AHEAD * stride + j);
      *(v16 *)(out + j * rows + r * LANES) = scale * *(const v16 *)(from + j);
    }
    if (j < wide) {
      long w = wide - j < LANES ? HALF : LANES;
      for (long i = 0; i < w; i++) out[j * rows + r * w + i] = j + i < columns ? scale * from[j + i] : 0;
    }
  }
}

// [columns, rows] transposed -> panels, times scale; zeros behind.
INLINE void pack_columns(const float *x, long stride, long columns, long rows, float scale, float *out) {
  long wide = padded(columns);
  for (long j = 0; j < wide; j += HALF) {
    long panel = j / LANES * LANES, w = wide - panel < LANES ? HALF : LANES;
    float *to = out + panel * rows + (j - panel);
    const float *from = x + j * stride;
    for (long next = AHEAD; next < AHEAD + HALF; next++)
      for (long i = 0; i < rows; i += LANES) __builtin_prefetch(from + next * stride + i);
    long n = columns - j, r = 0;
    if (n >= HALF)
      for (; r + HALF <= rows; r += HALF) transpose8(from + r, stride, scale, to + r * w, w);
    for (; r < rows; r++)
      for (long i = 0; i < HALF; i++) to[r * w + i] = i < n ? scale * from[i * stride + r] : 0;
  }
}

// Rows whose scores are computed, and used, at a time: forward, and backward, where there are two kinds.
#define QUERY_ROWS 24
#define SCORE_ROWS 12
// Most rows of probabilities that are kept for the sums over rows.
#define GRADIENT_ROWS 100

// The tokens' rows in even parts of at most GRADIENT_ROWS.
INLINE long gradient_rows(long tokens) {
  long parts = (tokens + GRADIENT_ROWS - 1) / GRADIENT_ROWS;
  return (tokens + parts - 1) / parts;
}

long em_attention_scratch(long tokens, long depth) {
  long wide = padded(depth), keys = padded(tokens), some = gradient_rows(tokens);
  long forward = 2 * keys * wide + QUERY_ROWS * (keys + wide);
  long backward = 5 * keys * wide + some * (3 * wide + 2 * keys);
  return forward > backward ? forward : backward;
}

// Forward and backward stand here once and are compiled in both forms.
#define FORWARD_PARAMETERS                                                                                  \
  const float *q, const float *k, const float *v, long stride, long tokens, long depth, float *out,         \
      long out_stride, float *log_sums, float *scratch
#define FORWARD_ARGUMENTS q, k, v, stride, tokens, depth, out, out_stride, log_sums, scratch
#define BACKWARD_PARAMETERS                                                                                 \
  const float *q, const float *k, const float *v, long stride, long tokens, long depth, const float *out,   \
      long out_stride, const float *dout, long dout_stride, const float *log_sums, float *dq, float *dk,    \
      float *dv, long gradient_stride, float *scratch
#define BACKWARD_ARGUMENTS                                                                                  \
  q, k, v, stride, tokens, depth, out, out_stride, dout, dout_stride, log_sums, dq, dk, dv, gradient_stride, scratch

INLINE void attention(int wide_tiles, FORWARD_PARAMETERS) {
  long wide = padded(depth), keys = padded(tokens);
  float *columns = scratch, *values = columns + keys * wide, *scores = values + keys * wide;
  float *sums = scores + QUERY_ROWS * keys;
  pack_columns(k, stride, tokens, depth, score_scale(depth), columns);
  pack_rows(v, stride, tokens, depth, 1.0f, values);
  for (long first = 0; first < tokens; first += QUERY_ROWS) {
    long rows = tokens - first < QUERY_ROWS ? tokens - first : QUERY_ROWS;
    float inverse[QUERY_ROWS];
    product(wide_tiles, rows, keys, depth, q + first * stride, stride, 1, columns, scores, keys, 0);
    for (long r = 0; r < rows; r++) {
      float *s = scores + r * keys;
      v8 sum = {0};
      float lanes[HALF];
      for (int j = 0; j < HALF; j++) lanes[j] = -3.0e38f;
      for (long i = tokens; i < keys; i++) s[i] = -3.0e38f;
      for (long i = 0; i < keys; i += HALF)
        for (int j = 0; j < HALF; j++) lanes[j] = s[i + j] > lanes[j] ? s[i + j] : lanes[j];
      float top = lanes[0];
      for (int j = 1; j < HALF; j++) top = lanes[j] > top ? lanes[j] : top;
      for (long i = 0; i < keys; i++) s[i] = fast_exp2(s[i] - top);
      for (long i = tokens; i < keys; i++) s[i] = 0;
      for (long i = 0; i < keys; i += HALF) sum += *(const v8 *)(s + i);
      float total = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
      log_sums[first + r] = top + log2f(total);
      inverse[r] = 1.0f / total;
    }
    product(wide_tiles, rows, wide, tokens, scores, keys, 1, values, sums, wide, 0);
    for (long r = 0; r < rows; r++)
      for (long i = 0; i < depth; i++) out[(first + r) * out_stride + i] = sums[r * wide + i] * inverse[r];
  }
}

INLINE void attention_backward(int wide_tiles, BACKWARD_PARAMETERS) {
  long wide = padded(depth), keys = padded(tokens), some = gradient_rows(tokens);
  float scale = 1.0f / __builtin_sqrtf((float)depth);
  float *key_columns = scratch, *value_columns = key_columns + keys * wide;
  float *key_rows = value_columns + keys * wide, *key_sums = key_rows + keys * wide;
  float *value_sums = key_sums + keys * wide, *queries = value_sums + keys * wide;
  float *upstream = queries + some * wide, *query_sums = upstream + some * wide;
  float *p = query_sums + some * wide, *ds = p + some * keys;
  pack_rows(k, stride, tokens, depth, scale, key_rows);
  pack_columns(k, stride, tokens, depth, score_scale(depth), key_columns);
  pack_columns(v, stride, tokens, depth, 1.0f, value_columns);
  for (long first = 0; first < tokens; first += some) {
    long rows = smaller(some, tokens - first);
    pack_rows(q + first * stride, stride, rows, depth, scale, queries);
    pack_rows(dout + first * dout_stride, dout_stride, rows, depth, 1.0f, upstream);
    // A few rows at a time: scores, probabilities and their gradients stay in the first cache.
    for (long start = 0; start < rows; start += SCORE_ROWS) {
      long n = smaller(SCORE_ROWS, rows - start);
      product(wide_tiles, n, keys, depth, q + (first + start) * stride, stride, 1, key_columns, p + start * keys,
              keys, 0);
      product(wide_tiles, n, keys, depth, dout + (first + start) * dout_stride, dout_stride, 1, value_columns,
              ds + start * keys, keys, 0);
      for (long r = start; r < start + n; r++) {
        const float *o = out + (first + r) * out_stride, *u = dout + (first + r) * dout_stride;
        SUM(delta, depth, u[i] * o[i]);
        float *probability = p + r * keys, *gradient = ds + r * keys, shift = log_sums[first + r];
        for (long i = 0; i < keys; i++) {
          float value = fast_exp2(probability[i] - shift);
          probability[i] = value;
          gradient[i] = value * (gradient[i] - delta);
        }
        for (long i = tokens; i < keys; i++) probability[i] = gradient[i] = 0;
      }
    }
    product(wide_tiles, rows, wide, tokens, ds, keys, 1, key_rows, query_sums, wide, 0);
    product(wide_tiles, tokens, wide, rows, p, 1, keys, upstream, value_sums, wide, first > 0);
    product(wide_tiles, tokens, wide, rows, ds, 1, keys, queries, key_sums, wide, first > 0);
    for (long r = 0; r < rows; r++)
      for (long i = 0; i < depth; i++) dq[(first + r) * gradient_stride + i] = query_sums[r * wide + i];
  }
  for (long t = 0; t < tokens; t++)
    for (long i = 0; i < depth; i++) {
      dk[t * gradient_stride + i] = key_sums[t * wide + i];
      dv[t * gradient_stride + i] = value_sums[t * wide + i];
    }
}

VECTORIZED void em_attention_narrow(FORWARD_PARAMETERS) { attention(0, FORWARD_ARGUMENTS); }
VECTORIZED void em_attention_wide(FORWARD_PARAMETERS) { attention(1, FORWARD_ARGUMENTS); }

void em_attention(FORWARD_PARAMETERS) {
  if (em_has_wide_registers()) em_attention_wide(FORWARD_ARGUMENTS);
  else em_attention_narrow(FORWARD_ARGUMENTS);
}

VECTORIZED void em_attention_backward_narrow(BACKWARD_PARAMETERS) { attention_backward(0, BACKWARD_ARGUMENTS); }
VECTORIZED void em_attention_backward_wide(BACKWARD_PARAMETERS) { attention_backward(1, BACKWARD_ARGUMENTS); }

void em_attention_backward(BACKWARD_PARAMETERS) {
  if (em_has_wide_registers()) em_attention_backward_wide(BACKWARD_ARGUMENTS);
  else em_attention_backward_narrow(BACKWARD_ARGUMENTS);
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
