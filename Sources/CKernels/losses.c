// Rows of losses: weighted sums for Sinkhorn and Knopp, cosines, distances, each with its gradient; what distillation
// computes in double precision.
#include <math.h>
#include <stddef.h>

#include "training.h"
#include "vector.h"

VECTORIZED void em_weighted_column_sums(const float *x, long count, long n, long stride, const double *factors,
                                        double *sums) {
  for (long i = 0; i < n; i++) sums[i] = 0;
  for (long r = 0; r < count; r++) {
    const float *row = x + r * stride;
    double factor = factors[r];
    for (long i = 0; i < n; i++) sums[i] += factor * (double)row[i];
  }
}

VECTORIZED double em_weighted_sum(const float *x, const double *factors, long count) {
  double lanes[LANES] = {0};
  long start = 0;
  for (; start + LANES <= count; start += LANES)
    for (int j = 0; j < LANES; j++) lanes[j] += (double)x[start + j] * factors[start + j];
  for (long i = start; i < count; i++) lanes[i - start] += (double)x[i] * factors[i];
  double total = 0;
  for (int j = 0; j < LANES; j++) total += lanes[j];
  return total;
}

VECTORIZED void em_scale_each(float *x, const double *factors, double scale, long count) {
  for (long i = 0; i < count; i++) x[i] = (float)((double)x[i] * (scale * factors[i]));
}

VECTORIZED float em_cosine(const float *x, const float *y, float epsilon, float scale, long width, float *dx) {
  SUM(squares, width, x[i] * x[i]);
  SUM(dot, width, x[i] * y[i]);
  float length = __builtin_sqrtf(squares);
  float norm = length > epsilon ? length : epsilon;
  float cosine = dot / norm;
  if (dx) {
    float factor = scale / norm, along = length > epsilon ? cosine / norm : 0;
    ELEMENTWISE for (long i = 0; i < width; i++) dx[i] = factor * (y[i] - along * x[i]);
  }
  return cosine;
}

VECTORIZED float em_softmax_distance(const float *p, const float *q, float scale, long count, float *dx) {
  SUM(squares, count, (p[i] - q[i]) * (p[i] - q[i]));
  if (dx) {
    SUM(mean, count, p[i] * (p[i] - q[i]));
    ELEMENTWISE for (long i = 0; i < count; i++) dx[i] = 2 * scale * p[i] * (p[i] - q[i] - mean);
  }
  return squares;
}

VECTORIZED float em_distance(const float *a, const float *b, float epsilon, long width) {
  SUM(squares, width, (a[i] - b[i] + epsilon) * (a[i] - b[i] + epsilon));
  return __builtin_sqrtf(squares);
}

VECTORIZED void em_distance_backward(const float *a, const float *b, float epsilon, float scale, long width,
                                     float *da, float *db) {
  for (long i = 0; i < width; i++) {
    float part = scale * (a[i] - b[i] + epsilon);
    da[i] += part;
    db[i] -= part;
  }
}

VECTORIZED long em_greatest_place(const float *x, long count) {
  float lanes[LANES];
  for (int j = 0; j < LANES; j++) lanes[j] = x[0];
  long start = 0;
  for (; start + LANES <= count; start += LANES)
    for (int j = 0; j < LANES; j++) lanes[j] = x[start + j] > lanes[j] ? x[start + j] : lanes[j];
  for (long i = start; i < count; i++) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
  float top = lanes[0];
  for (int j = 1; j < LANES; j++) top = lanes[j] > top ? lanes[j] : top;
  long place = 0;
  while (place + 1 < count && x[place] != top) place++;
  return place;
}

void em_log_softmax(const float *x, double shift, double factor, long count, double *log_p, double *p) {
  double top = -INFINITY, total = 0;
  for (long i = 0; i < count; i++) {
    log_p[i] = ((double)x[i] - shift) * factor;
    top = log_p[i] > top ? log_p[i] : top;
  }
  for (long i = 0; i < count; i++) total += p[i] = exp(log_p[i] - top);
  double log_sum = top + log(total), rest = 1 / total;
  for (long i = 0; i < count; i++) {
    log_p[i] -= log_sum;
    p[i] *= rest;
  }
}

#define ANGLES 8

VECTORIZED void em_angle_differences(em_angles s, em_angles t, long count, double *by_product, double *by_first,
                                     double *by_cosine, double *sums) {
  double value[ANGLES] = {0}, first[ANGLES] = {0}, second[ANGLES] = {0};
  for (long start = 0; start < count; start += ANGLES) {
    long size = count - start < ANGLES ? count - start : ANGLES;
    for (long lane = 0; lane < size; lane++) {
      long k = start + lane;
      double scale = s.inverse * s.inverses[k];
      double cosine = (s.products[k] - s.vertex[k] + s.rest) * scale;
      double other = (t.products[k] - t.vertex[k] + t.rest) * (t.inverse * t.inverses[k]);
      double d = cosine - other, slope = d > 1 ? 1 : d < -1 ? -1 : d;
      double a = slope * scale, b = slope * cosine;
      value[lane] += slope * (d - 0.5 * slope);
      first[lane] += a;
      second[lane] += b;
      by_product[k] += a;
      by_first[k] += a;
      by_cosine[k] += b;
    }
  }
  for (int j = 0; j < 3; j++) sums[j] = 0;
  for (int lane = 0; lane < ANGLES; lane++) {
    sums[0] += value[lane];
    sums[1] += first[lane];
    sums[2] += second[lane];
  }
}
