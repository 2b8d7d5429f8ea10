// Rows of losses: weighted sums for Sinkhorn and Knopp, cosines, distances, each with its gradient.
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
