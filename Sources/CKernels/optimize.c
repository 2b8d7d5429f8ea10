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

VECTORIZED void em_ema(float *teacher, const float *student, long count, float momentum, float rest) {
  for (long i = 0; i < count; i++) teacher[i] = momentum * teacher[i] + rest * student[i];
}
