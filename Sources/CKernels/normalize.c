// Layer normalisation (Ba et al. 2016), L2 normalisation and weight normalisation, row by row.
#include <math.h>

#include "training.h"
#include "vector.h"

INLINE long row_at(const int32_t *rows, long i) { return rows ? rows[i] : i; }

VECTORIZED void em_layer_norm(const float *x, const int32_t *rows, long first, long count, long width,
                              const float *gamma, const float *beta, float epsilon, float *y, float *mean,
                              float *rstd) {
  for (long r = 0; r < count; r++) {
    const float *in = x + row_at(rows, first + r) * width;
    float *out = y + r * width;
    SUM(total, width, in[i]);
    float m = total / (float)width;
    SUM(squares, width, (in[i] - m) * (in[i] - m));
    float s = 1.0f / __builtin_sqrtf(squares / (float)width + epsilon);
    mean[first + r] = m;
    rstd[first + r] = s;
    for (long i = 0; i < width; i++) out[i] = (in[i] - m) * s * gamma[i] + beta[i];
  }
}

VECTORIZED void em_layer_norm_again(const float *x, const int32_t *rows, long first, long count, long width,
                                    const float *gamma, const float *beta, const float *mean,
                                    const float *rstd, float *y) {
  for (long r = 0; r < count; r++) {
    const float *in = x + row_at(rows, first + r) * width;
    float *out = y + r * width;
    float m = mean[first + r], s = rstd[first + r];
    for (long i = 0; i < width; i++) out[i] = (in[i] - m) * s * gamma[i] + beta[i];
  }
}

VECTORIZED void em_layer_norm_backward(const float *dy, const float *x, const int32_t *rows, long first,
                                       long count, long width, const float *gamma, const float *mean,
                                       const float *rstd, float *dx, int accumulate, float *gamma_sum,
                                       float *beta_sum, int accumulate_sums) {
  if (!accumulate_sums) {
    memset(gamma_sum, 0, (size_t)width * 4);
    memset(beta_sum, 0, (size_t)width * 4);
  }
  for (long r = 0; r < count; r++) {
    long row = row_at(rows, first + r);
    const float *in = x + row * width, *g = dy + r * width;
    float *out = dx + row * width;
    float m = mean[first + r], s = rstd[first + r];
    SUM(sum1, width, g[i] * gamma[i]);
    SUM(sum2, width, g[i] * gamma[i] * ((in[i] - m) * s));
    float mean1 = sum1 / (float)width, mean2 = sum2 / (float)width;
    for (long i = 0; i < width; i++) {
      gamma_sum[i] += g[i] * ((in[i] - m) * s);
      beta_sum[i] += g[i];
    }
    if (accumulate) {
      for (long i = 0; i < width; i++)
        out[i] += s * (g[i] * gamma[i] - mean1 - ((in[i] - m) * s) * mean2);
    } else {
      for (long i = 0; i < width; i++)
        out[i] = s * (g[i] * gamma[i] - mean1 - ((in[i] - m) * s) * mean2);
    }
  }
}

VECTORIZED void em_l2_normalize(const float *x, long count, long width, float epsilon, float *y,
                                float *norms) {
  for (long r = 0; r < count; r++) {
    const float *in = x + r * width;
    float *out = y + r * width;
    SUM(squares, width, in[i] * in[i]);
    float norm = __builtin_sqrtf(squares);
    norm = norm > epsilon ? norm : epsilon;
    norms[r] = norm;
    for (long i = 0; i < width; i++) out[i] = in[i] / norm;
  }
}

VECTORIZED void em_l2_normalize_backward(const float *dy, const float *y, const float *norms, float epsilon,
                                         long count, long width, float *dx) {
  for (long r = 0; r < count; r++) {
    const float *g = dy + r * width, *value = y + r * width;
    float *out = dx + r * width;
    SUM(dot, width, g[i] * value[i]);
    if (norms[r] <= epsilon) dot = 0;
    for (long i = 0; i < width; i++) out[i] = (g[i] - value[i] * dot) / norms[r];
  }
}

VECTORIZED void em_scale_columns(const float *x, long stride, long rows, long columns, const float *factors, float *y,
                                 long y_stride) {
  for (long r = 0; r < rows; r++)
    for (long i = 0; i < columns; i++) y[r * y_stride + i] = x[r * stride + i] * factors[i];
}

VECTORIZED void em_weight_norm_factors(const float *v, const float *gain, long count, long width,
                                       float *factors) {
  for (long r = 0; r < count; r++) {
    const float *row = v + r * width;
    SUM(squares, width, row[i] * row[i]);
    factors[r] = gain[r] / __builtin_sqrtf(squares);
  }
}

VECTORIZED void em_weight_norm_backward(float *dv, const float *v, const float *gain, long count, long width,
                                        float *gain_gradient, const float *previous) {
  for (long r = 0; r < count; r++) {
    const float *row = v + r * width;
    float *g = dv + r * width;
    SUM(squares, width, row[i] * row[i]);
    SUM(dot, width, row[i] * g[i]);
    float along = dot / squares;
    if (previous) {
      const float *old = previous + r * width;
      for (long i = 0; i < width; i++) g[i] = g[i] - along * row[i] + old[i];
    } else {
      for (long i = 0; i < width; i++) g[i] = g[i] - along * row[i];
    }
    // dw . v / |v| with s dw in g: dot / (s |v|) = dot / gain.
    if (gain_gradient) gain_gradient[r] += gain[r] == 0 ? 0 : dot / gain[r];
  }
}
