// Bias, GELU, residual sums, softmax cross-entropy: one pass each over rows that are already in cache.
#include <math.h>

#include "training.h"
#include "vector.h"

VECTORIZED void em_add_bias(float *y, const float *bias, long count, long n) {
  for (long r = 0; r < count; r++)
    for (long i = 0; i < n; i++) y[r * n + i] += bias[i];
}

// The normal distribution's function Phi and gelu' = Phi + x phi are 1/2 + x P(x^2) / Q(x^2) and 1/2 + x R(x^2) /
// Q(x^2) for |x| < 5.5, with one Q: our fit, off by at most 2.7e-8. Beyond, both are what they are at 5.5.
INLINE float normal_range(float x) {
  x = x < -5.5f ? -5.5f : x;
  return x > 5.5f ? 5.5f : x;
}

INLINE float degree6(float u, float c6, float c5, float c4, float c3, float c2, float c1, float c0) {
  return (((((c6 * u + c5) * u + c4) * u + c3) * u + c2) * u + c1) * u + c0;
}

INLINE float normal_p(float u) {
  return degree6(u, 4.801989163e-10f, 1.837227822e-7f, 1.153892282e-5f, 2.717951045e-4f, 5.486042887e-3f,
                 4.155896460e-2f, 3.989421275e-1f);
}

INLINE float normal_q(float u) {
  return degree6(u, 2.712469668e-8f, 3.358776798e-6f, 1.212339830e-4f, 2.533663353e-3f, 3.389393112e-2f,
                 2.708375668e-1f, 1.0f);
}

INLINE float slope_r(float u) {
  return degree6(u, -3.431367235e-11f, 6.510764902e-9f, -2.804983133e-7f, 3.192490311e-5f, -2.823530889e-4f,
                 1.485032054e-2f, -4.986330894e-2f) * u + 7.978843908e-1f;
}

VECTORIZED void em_gelu(const float *x, long count, float *out) {
  ELEMENTWISE for (long i = 0; i < count; i++) {
    float z = normal_range(x[i]), u = z * z;
    out[i] = x[i] * (0.5f + normal_p(u) * (z / normal_q(u)));
  }
}

VECTORIZED void em_gelu_backward(const float *x, const float *dy, long count, float *dx, float *value) {
  ELEMENTWISE for (long i = 0; i < count; i++) {
    float z = normal_range(x[i]), u = z * z, ratio = z / normal_q(u);
    value[i] = x[i] * (0.5f + normal_p(u) * ratio);
    dx[i] = dy[i] * (0.5f + slope_r(u) * ratio);
  }
}

VECTORIZED void em_residual(const float *branch, const float *bias, float scale, const float *x,
                            const int32_t *rows, long first, long count, long width, float *y) {
  for (long r = 0; r < count; r++) {
    long row = rows ? rows[first + r] : first + r;
    const float *in = x + row * width, *b = branch + r * width;
    float *out = y + row * width;
    ELEMENTWISE for (long i = 0; i < width; i++) out[i] = in[i] + scale * (b[i] + bias[i]);
  }
}

VECTORIZED void em_gather(const float *x, const int32_t *rows, long first, long count, long width,
                          float scale, float *out) {
  for (long r = 0; r < count; r++) {
    const float *in = x + (rows ? rows[first + r] : first + r) * width;
    for (long i = 0; i < width; i++) out[r * width + i] = scale * in[i];
  }
}

VECTORIZED void em_column_sums(const float *x, long count, long n, long stride, float *sums, int accumulate) {
  if (!accumulate) memset(sums, 0, (size_t)n * 4);
  long r = 0;
  for (; r + 4 <= count; r += 4) {
    const float *a = x + r * stride, *b = a + stride, *c = b + stride, *d = c + stride;
    for (long i = 0; i < n; i++) sums[i] = (((sums[i] + a[i]) + b[i]) + c[i]) + d[i];
  }
  for (; r < count; r++)
    for (long i = 0; i < n; i++) sums[i] += x[r * stride + i];
}

VECTORIZED void em_add(float *y, const float *x, float scale, long count) {
  for (long i = 0; i < count; i++) y[i] += scale * x[i];
}

VECTORIZED void em_scale(float *y, float scale, long count) {
  for (long i = 0; i < count; i++) y[i] *= scale;
}

VECTORIZED double em_sum_of_squares(const float *x, long count) {
  double total = 0;
  for (long start = 0; start < count; start += 4096) {
    long n = count - start < 4096 ? count - start : 4096;
    const float *part = x + start;
    SUM(squares, n, part[i] * part[i]);
    total += (double)squares;
  }
  return total;
}

VECTORIZED double em_sum_of_squared_differences(const float *x, const float *y, long count) {
  double total = 0;
  for (long start = 0; start < count; start += 4096) {
    long n = count - start < 4096 ? count - start : 4096;
    const float *a = x + start, *b = y + start;
    SUM(squares, n, (a[i] - b[i]) * (a[i] - b[i]));
    total += (double)squares;
  }
  return total;
}

INLINE float greatest(const float *x, const float *center, long count) {
  float lanes[LANES];
  for (int j = 0; j < LANES; j++) lanes[j] = -3.0e38f;
  long start = 0;
  for (; start + LANES <= count; start += LANES)
    for (int j = 0; j < LANES; j++) {
      float value = center ? x[start + j] - center[start + j] : x[start + j];
      lanes[j] = value > lanes[j] ? value : lanes[j];
    }
  for (long i = start; i < count; i++) {
    float value = center ? x[i] - center[i] : x[i];
    lanes[0] = value > lanes[0] ? value : lanes[0];
  }
  float best = lanes[0];
  for (int j = 1; j < LANES; j++) best = lanes[j] > best ? lanes[j] : best;
  return best;
}

// Sums long rows in parts of 4,096, each in sixteen lanes, so that 65,536 terms lose no digits.
#define LONG_SUM(name, count, TERM)                          \
  double name = 0;                                           \
  for (long start_ = 0; start_ < (count); start_ += 4096) {  \
    long n_ = (count)-start_ < 4096 ? (count)-start_ : 4096; \
    long base = start_;                                      \
    SUM(part_, n_, TERM);                                    \
    name += (double)part_;                                   \
  }

VECTORIZED void em_softmax(const float *x, const float *center, float temperature, long count, float *out) {
  float top = greatest(x, center, count), inverse = 1.0f / temperature;
  if (center) {
    for (long i = 0; i < count; i++) out[i] = fast_exp((x[i] - center[i] - top) * inverse);
  } else {
    for (long i = 0; i < count; i++) out[i] = fast_exp((x[i] - top) * inverse);
  }
  LONG_SUM(total, count, out[base + i]);
  float factor = (float)(1.0 / total);
  for (long i = 0; i < count; i++) out[i] *= factor;
}

VECTORIZED float em_exp_below_greatest(const float *x, float temperature, long count, float *out) {
  float top = greatest(x, 0, count), inverse = 1.0f / temperature;
  for (long i = 0; i < count; i++) out[i] = fast_exp((x[i] - top) * inverse);
  return top;
}

VECTORIZED double em_entropy(const float *p, long count) {
  LONG_SUM(total, count, p[base + i] * fast_log(p[base + i] + 1e-30f));
  return -total;
}

VECTORIZED double em_cross_entropy(const float *x, const float *target, float mass, float temperature,
                                   long count, float *log_sum) {
  float top = greatest(x, 0, count), inverse = 1.0f / temperature;
  LONG_SUM(total, count, fast_exp((x[base + i] - top) * inverse));
  LONG_SUM(agreement, count, target[base + i] * ((x[base + i] - top) * inverse));
  double log_total = log(total);
  *log_sum = (float)((double)top / temperature + log_total);
  // The target's entries sum to `mass` up to rounding; top is subtracted from both terms.
  return (double)mass * log_total - agreement;
}

VECTORIZED void em_cross_entropy_backward(const float *x, const float *target, float mass, float temperature,
                                          float log_sum, float scale, long count, float *dx) {
  float inverse = 1.0f / temperature, factor = scale / temperature;
  ELEMENTWISE for (long i = 0; i < count; i++)
    dx[i] = factor * (mass * fast_exp(x[i] * inverse - log_sum) - target[i]);
}
