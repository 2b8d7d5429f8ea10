// The optimizer's and the teacher's sweeps over flat parameter buffers.
#include "training.h"
#include "vector.h"

VECTORIZED void em_adamw(float *w, const float *gradient, float *m, float *v, long count, float clip,
                         float rate, float decay, float beta2, float rest1, float rest2, float epsilon,
                         float correction1, float correction2) {
  float keep = 1.0f - rate * decay, step = rate / correction1;
  float root = 1.0f / __builtin_elementwise_sqrt(correction2);
  for (long i = 0; i < count; i++) {
    float g = gradient[i] * clip;
    float first = m[i] + rest1 * (g - m[i]);
    float second = beta2 * v[i] + rest2 * g * g;
    m[i] = first;
    v[i] = second;
    float denominator = __builtin_elementwise_sqrt(second) * root + epsilon;
    w[i] = w[i] * keep - step * first / denominator;
  }
}

VECTORIZED void em_sgd(float *w, const float *gradient, float *direction, long count, float clip, float decay,
                       float trust, float rate, float momentum, float own, float past) {
  for (long i = 0; i < count; i++) {
    float g = (gradient[i] * clip + decay * w[i]) * trust;
    float b = momentum * direction[i] + g;
    direction[i] = b;
    w[i] -= rate * (own * g + past * b);
  }
}

VECTORIZED double em_squares_with_decay(const float *w, const float *gradient, long count, float clip, float decay,
                                        double *weight_squares) {
  double total = 0, total_weights = 0;
  for (long start = 0; start < count; start += 4096) {
    long n = count - start < 4096 ? count - start : 4096;
    const float *weights = w + start, *part = gradient + start;
    SUM(squares, n, (part[i] * clip + decay * weights[i]) * (part[i] * clip + decay * weights[i]));
    SUM(own_squares, n, weights[i] * weights[i]);
    total += (double)squares;
    total_weights += (double)own_squares;
  }
  *weight_squares = total_weights;
  return total;
}

VECTORIZED void em_ema(float *teacher, const float *student, long count, float momentum, float rest) {
  for (long i = 0; i < count; i++) teacher[i] = momentum * teacher[i] + rest * student[i];
}
