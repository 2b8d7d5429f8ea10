// Attention of one query of a head, the class token's.
#include "vector.h"
#include "training.h"

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

// From the slopes of the probabilities to those of one query and all keys; dk is overwritten.
INLINE void softmax_backward(const float *q, const float *k, long stride, long tokens, long depth,
                             const float *probabilities, const float *dprobabilities, float *dq, float *dk) {
  float scale = 1.0f / __builtin_sqrtf((float)depth);
  SUM(mean, tokens, probabilities[i] * dprobabilities[i]);
  for (long i = 0; i < depth; i++) dq[i] = 0;
  for (long t = 0; t < tokens; t++) {
    float ds = scale * probabilities[t] * (dprobabilities[t] - mean);
    for (long i = 0; i < depth; i++) {
      dq[i] += ds * k[t * stride + i];
      dk[t * stride + i] = ds * q[i];
    }
  }
}

VECTORIZED void em_class_attention_backward(const float *q, const float *k, const float *v, long stride,
                                            long tokens, long depth, const float *probabilities,
                                            const float *dout, float *dq, float *dk, float *dv,
                                            float *scratch) {
  for (long t = 0; t < tokens; t++) {
    const float *value = v + t * stride;
    SUM(dot, depth, dout[i] * value[i]);
    scratch[t] = dot;
    for (long i = 0; i < depth; i++) dv[t * stride + i] = probabilities[t] * dout[i];
  }
  softmax_backward(q, k, stride, tokens, depth, probabilities, scratch, dq, dk);
}

VECTORIZED void em_class_shares_backward(const float *q, const float *k, long stride, long tokens, long depth,
                                         const float *probabilities, const float *dprobabilities, float *dq,
                                         float *dk) {
  softmax_backward(q, k, stride, tokens, depth, probabilities, dprobabilities, dq, dk);
}
