// Attention of one head, forward and backward, on packed copies in cache; probabilities are never stored in full between
// the passes. All products go through register tiles of the numbers that tile.h multiplies: up to six rows by one panel
// of sixteen columns or, `wide`, where there are thirty-two registers, by up to four, because six sums are too few to
// keep such a processor's multipliers busy.
//
// A file defines before this header what steps.h asks for; SOURCE is also the type of queries, keys, values and outputs,
// and their depth and strides are multiples of STEP. And:
//   float value_of(SOURCE x)
//   void store_row(const float *x, long count, SOURCE *out)    which may write where it reads
//   void store_step(const float *x, const float *next, long count, NUMBER *out)    a step of two rows, if STEP is 2
#pragma once
#include <math.h>

#include "steps.h"
#include "training.h"

#if STEP == 1
TILES(tile_half, v8, 1)
#endif

// How many of so many panels a tile takes, so that no tile is left with one or two unless there are no more.
INLINE long tile_panels(long panels) { return panels % 4 == 0 ? 4 : panels >= 3 ? 3 : panels; }

#define PRODUCT_TILE(NAME) NAME(n, depth, from, ars, acs, 0, panel, depth *LANES, accumulate ? to : 0, crs, to, crs)

// c [rows, columns] = (accumulate ? c : 0) + a b, with a[r, p] at a[r * ars + p * acs]. Panels of b hold sixteen
// columns of all its rows; if not `wide` the last one eight where that is enough.
INLINE void product(int wide, long rows, long columns, long depth, const NUMBER *a, long ars, long acs, const NUMBER *b,
                    float *c, long crs, int accumulate) {
  tile_rows share = share_rows(rows);
  long some = 1;
  for (long j = 0; j < columns; j += some * LANES) {
    if (wide) some = tile_panels((columns - j) / LANES);
    const NUMBER *panel = b + j * depth, *from = a;
    float *to = c + j;
    for (long t = 0; t < share.count; t++) {
      long n = share.low + (t < share.high);
      if (wide && some == 4) PRODUCT_TILE(tile_four);
      else if (wide && some == 3) PRODUCT_TILE(tile_three);
      else if (wide && some == 2) PRODUCT_TILE(tile_two);
#if STEP == 1
      else if (!wide && columns - j <= HALF) PRODUCT_TILE(tile_half);
#endif
      else PRODUCT_TILE(tile_one);
      from += n * ars;
      to += n * crs;
    }
  }
}

// What scores are multiplied with, so that their softmax is a power of two: log2(e) / sqrt(depth).
INLINE float score_scale(long depth) { return 1.44269504f / __builtin_sqrtf((float)depth); }

INLINE long padded(int wide, long n) {
  long unit = wide ? LANES : HALF;
  return (n + unit - 1) / unit * unit;
}

// Rows fetched ahead while rows are packed: they lie too far apart for the processor to guess the next.
#define AHEAD 16

// [rows, columns] -> panels of the rows' steps; zeros behind.
INLINE void pack_rows(int wide, const SOURCE *x, long stride, long rows, long columns, NUMBER *out) {
  NUMBER line[LANES];
  long width = padded(wide, columns), steps = steps_of(rows);
  for (long s = 0; s < steps; s++) {
    const SOURCE *from = x + s * STEP * stride;
    long left = rows - s * STEP, j = 0;
    for (; j + LANES <= columns; j += LANES) {
      for (int k = 0; k < STEP; k++) __builtin_prefetch(from + (AHEAD + k) * stride + j);
      *(v16 *)(out + j * steps + s * LANES) = *(const v16 *)step_numbers(from + j, stride, left, LANES, line);
    }
    if (j < width) {
      long w = smaller(width - j, LANES);
      const NUMBER *numbers = step_numbers(from + j, stride, left, columns - j, line);
      for (long i = 0; i < w; i++) out[j * steps + s * w + i] = j + i < columns ? numbers[i] : 0;
    }
  }
}

// [columns, depth] transposed -> panels; zeros behind.
INLINE void pack_columns(int wide, const NUMBER *x, long stride, long columns, long depth, NUMBER *out) {
  long width = padded(wide, columns);
  for (long j = 0; j < width; j += HALF) {
    long panel = j / LANES * LANES, w = smaller(width - panel, LANES);
    NUMBER *to = out + panel * depth + (j - panel);
    const NUMBER *from = x + j * stride;
    for (long next = AHEAD; next < AHEAD + HALF; next++)
      for (long i = 0; i < depth; i += LANES) __builtin_prefetch(from + next * stride + i);
    long n = columns - j, r = 0;
    if (n >= HALF)
      for (; r + HALF <= depth; r += HALF)
        transpose8((const float *)from + r, stride, (float *)to + r * w, w);
    for (; r < depth; r++)
      for (long i = 0; i < HALF; i++) to[r * w + i] = i < n ? from[i * stride + r] : 0;
  }
}

// Rows whose scores are computed, and used, at a time: forward, and backward, where there are two kinds. Even.
#define QUERY_ROWS 24
#define SCORE_ROWS 12
// Most rows of probabilities that are kept for the sums over rows.
#define GRADIENT_ROWS 100

// The tokens' rows in even parts of at most GRADIENT_ROWS.
INLINE long gradient_rows(long tokens) {
  long parts = (tokens + GRADIENT_ROWS - 1) / GRADIENT_ROWS, rows = (tokens + parts - 1) / parts;
  return (rows + STEP - 1) / STEP * STEP;
}

// The greatest and the sum of a row of whole vectors, `lanes` numbers side by side.
INLINE float greatest(int lanes, const float *x, long count) {
  float top[LANES];
  for (int j = 0; j < lanes; j++) top[j] = x[j];
  for (long i = lanes; i < count; i += lanes)
    for (int j = 0; j < lanes; j++) top[j] = x[i + j] > top[j] ? x[i + j] : top[j];
  _Pragma("clang loop unroll(full)") for (int half = lanes / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) top[j] = top[j + half] > top[j] ? top[j + half] : top[j];
  return top[0];
}

INLINE float row_sum(int lanes, const float *x, long count) {
  float sum[LANES] = {0};
  for (long i = 0; i < count; i += lanes)
    for (int j = 0; j < lanes; j++) sum[j] += x[i + j];
  return sum_lanes(sum);
}

#define FORWARD_PARAMETERS                                                                                  \
  const SOURCE *q, const SOURCE *k, const SOURCE *v, long stride, long tokens, long depth, SOURCE *out,     \
      long out_stride, float *log_sums, float *scratch
#define FORWARD_ARGUMENTS q, k, v, stride, tokens, depth, out, out_stride, log_sums, scratch
#define BACKWARD_PARAMETERS                                                                                 \
  const SOURCE *q, const SOURCE *k, const SOURCE *v, long stride, long tokens, long depth, const SOURCE *out, \
      long out_stride, const float *dout, long dout_stride, const float *log_sums, float *dq, float *dk,    \
      float *dv, long gradient_stride, float *scratch
#define BACKWARD_ARGUMENTS                                                                                  \
  q, k, v, stride, tokens, depth, out, out_stride, dout, dout_stride, log_sums, dq, dk, dv, gradient_stride, scratch

INLINE void attention(int wide, FORWARD_PARAMETERS) {
  long width = padded(wide, depth), keys = padded(wide, tokens), words = depth / STEP, steps = steps_of(tokens);
  long row = stride / STEP;
  float scale = score_scale(depth);
  NUMBER *columns = (NUMBER *)scratch, *values = columns + keys * words;
  float *scores = (float *)(values + steps * width), *sums = scores + QUERY_ROWS * keys;
  pack_columns(wide, (const NUMBER *)k, row, tokens, words, columns);
  pack_rows(wide, v, stride, tokens, depth, values);
  for (long first = 0; first < tokens; first += QUERY_ROWS) {
    long rows = smaller(QUERY_ROWS, tokens - first);
    float inverse[QUERY_ROWS];
    product(wide, rows, keys, words, (const NUMBER *)q + first * row, row, 1, columns, scores, keys, 0);
    for (long r = 0; r < rows; r++) {
      float *s = scores + r * keys;
      for (long i = tokens; i < keys; i++) s[i] = -3.0e38f;
      float top = scale * greatest(wide ? LANES : HALF, s, keys);
      for (long i = 0; i < keys; i++) s[i] = fast_exp2(s[i] * scale - top);
      for (long i = tokens; i < keys; i++) s[i] = 0;
      float total = row_sum(wide ? LANES : HALF, s, keys);
      log_sums[first + r] = top + log2f(total);
      inverse[r] = 1.0f / total;
      if (STEP > 1) store_row(s, keys, (SOURCE *)s);
    }
    product(wide, rows, width, steps, (const NUMBER *)scores, keys, 1, values, sums, width, 0);
    for (long r = 0; r < rows; r++) {
      float *sum = sums + r * width;
      for (long i = 0; i < depth; i++) sum[i] *= inverse[r];
      store_row(sum, depth, out + (first + r) * out_stride);
    }
  }
}

// dv, dk or dq from sums.
INLINE void store_gradient(const float *sums, long rows, long width, long depth, float scale, float *out, long stride) {
  for (long r = 0; r < rows; r++)
    for (long i = 0; i < depth; i++) out[r * stride + i] = scale * sums[r * width + i];
}

INLINE void attention_backward(int wide, BACKWARD_PARAMETERS) {
  long width = padded(wide, depth), keys = padded(wide, tokens), words = depth / STEP, row = stride / STEP;
  long some = gradient_rows(tokens), most_steps = steps_of(some), key_step_count = steps_of(tokens);
  // Where a number is a step, probabilities and their gradients are what the products make of them, in place.
  long held = STEP == 1 ? some : SCORE_ROWS;
  float scale = 1.0f / __builtin_sqrtf((float)depth), exponent_scale = score_scale(depth);
  NUMBER *key_columns = (NUMBER *)scratch, *value_columns = key_columns + keys * words;
  NUMBER *key_steps = value_columns + keys * words, *queries = key_steps + key_step_count * width;
  NUMBER *upstream = queries + most_steps * width;
  float *key_sums = (float *)(upstream + most_steps * width), *value_sums = key_sums + tokens * width;
  float *query_sums = value_sums + tokens * width, *p = query_sums + some * width, *ds = p + held * keys;
  NUMBER *upstream_rows = (NUMBER *)(ds + held * keys);
  NUMBER *p_steps = STEP == 1 ? (NUMBER *)p : upstream_rows + some * words;
  NUMBER *ds_steps = STEP == 1 ? (NUMBER *)ds : p_steps + most_steps * keys;
  NUMBER *ds_rows = STEP == 1 ? (NUMBER *)ds : ds_steps + most_steps * keys;
  pack_rows(wide, k, stride, tokens, depth, key_steps);
  pack_columns(wide, (const NUMBER *)k, row, tokens, words, key_columns);
  pack_columns(wide, (const NUMBER *)v, row, tokens, words, value_columns);
  for (long first = 0; first < tokens; first += some) {
    long rows = smaller(some, tokens - first), row_steps = steps_of(rows);
    pack_rows(wide, q + first * stride, stride, rows, depth, queries);
    const float *dout_rows = dout + first * dout_stride;
    const SOURCE *gradients = (const SOURCE *)dout_rows;
    long gradients_stride = dout_stride;
    if (STEP > 1) {
      for (long r = 0; r < rows; r++)
        store_row(dout_rows + r * dout_stride, depth, (SOURCE *)(upstream_rows + r * words));
      gradients = (const SOURCE *)upstream_rows;
      gradients_stride = depth;
    }
    pack_rows(wide, gradients, gradients_stride, rows, depth, upstream);
    // A few rows at a time: scores, probabilities and their gradients stay in the first cache.
    for (long start = 0; start < rows; start += SCORE_ROWS) {
      long n = smaller(SCORE_ROWS, rows - start);
      float *some_p = p + (STEP == 1 ? start * keys : 0), *some_ds = ds + (STEP == 1 ? start * keys : 0);
      product(wide, n, keys, words, (const NUMBER *)q + (first + start) * row, row, 1, key_columns, some_p, keys, 0);
      product(wide, n, keys, words, (const NUMBER *)(gradients + start * gradients_stride), gradients_stride / STEP, 1,
              value_columns, some_ds, keys, 0);
      for (long r = 0; r < n; r++) {
        long token = first + start + r;
        const SOURCE *o = out + token * out_stride;
        const float *u = dout + token * dout_stride;
        SUM(delta, depth, u[i] * value_of(o[i]));
        float *probability = some_p + r * keys, *gradient = some_ds + r * keys, shift = log_sums[token];
        for (long i = 0; i < keys; i++) {
          float value = fast_exp2(probability[i] * exponent_scale - shift);
          probability[i] = value;
          gradient[i] = value * (gradient[i] - delta);
        }
        for (long i = tokens; i < keys; i++) probability[i] = gradient[i] = 0;
      }
      if (STEP == 1) continue;
      if (n % 2) memset(p + n * keys, 0, (size_t)keys * 4), memset(ds + n * keys, 0, (size_t)keys * 4);
      for (long r = 0; r < n; r += 2) {
        long step = (start + r) / 2;
        store_step(p + r * keys, p + (r + 1) * keys, keys, p_steps + step * keys);
        store_step(ds + r * keys, ds + (r + 1) * keys, keys, ds_steps + step * keys);
      }
      for (long r = 0; r < n; r++) store_row(ds + r * keys, keys, (SOURCE *)(ds_rows + (start + r) * keys / STEP));
    }
    product(wide, rows, width, key_step_count, ds_rows, keys / STEP, 1, key_steps, query_sums, width, 0);
    product(wide, tokens, width, row_steps, p_steps, 1, keys, upstream, value_sums, width, first > 0);
    product(wide, tokens, width, row_steps, ds_steps, 1, keys, queries, key_sums, width, first > 0);
    store_gradient(query_sums, rows, width, depth, scale, dq + first * gradient_stride, gradient_stride);
  }
  store_gradient(key_sums, tokens, width, depth, scale, dk, gradient_stride);
  store_gradient(value_sums, tokens, width, depth, 1.0f, dv, gradient_stride);
}
