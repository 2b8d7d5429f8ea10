// Depthwise convolutions and pooling, channels in vectors, of images whose channels lie together.
#include "convolution.h"
#include "tile.h"

// Four pixels share a tap's weights.
#define DEPTHWISE_ROWS 4

#define DEPTHWISE(NAME, V, ROWS)                                                                                   \
  INLINE void NAME(const float *x, const int32_t *from, const int32_t *tap, long taps, const float *w, long channels, \
                   float *y, const int32_t *to) {                                                                  \
    enum { rows_ = ROWS };                                                                                         \
    V sum[ROWS];                                                                                                   \
    EACH_ROW sum[r] = (V){0};                                                                                      \
    for (long t = 0; t < taps; t++) {                                                                              \
      V weight = *(const V *)(w + t * channels);                                                                   \
      EACH_ROW sum[r] += *(const V *)(x + from[r] + tap[t]) * weight;                                              \
    }                                                                                                              \
    EACH_ROW *(V *)(y + to[r]) = sum[r];                                                                           \
  }

DEPTHWISE(depthwise_four, v16, 4)
DEPTHWISE(depthwise_one, v16, 1)
DEPTHWISE(depthwise_half_four, v8, 4)
DEPTHWISE(depthwise_half_one, v8, 1)

VECTORIZED void em_depthwise(const float *x, const int32_t *from, const int32_t *tap, long taps, const float *w,
                             long rows, long channels, float *y, const int32_t *to) {
  long r = 0;
  for (; r < rows;) {
    long some = r + DEPTHWISE_ROWS <= rows ? DEPTHWISE_ROWS : 1, c = 0;
    const int32_t *in = from + r, *out = to + r;
    for (; c + LANES <= channels; c += LANES) {
      if (some > 1) depthwise_four(x + c, in, tap, taps, w + c, channels, y + c, out);
      else depthwise_one(x + c, in, tap, taps, w + c, channels, y + c, out);
    }
    if (c + HALF <= channels) {
      if (some > 1) depthwise_half_four(x + c, in, tap, taps, w + c, channels, y + c, out);
      else depthwise_half_one(x + c, in, tap, taps, w + c, channels, y + c, out);
      c += HALF;
    }
    for (; c < channels; c++)
      for (long i = 0; i < some; i++) {
        float sum = 0;
        for (long t = 0; t < taps; t++) sum += x[in[i] + tap[t] + c] * w[t * channels + c];
        y[out[i] + c] = sum;
      }
    r += some;
  }
}

// So many taps' sums stay in registers.
#define SUMS 9

#define DEPTHWISE_GRADIENT(COUNT)                                                                         \
  {                                                                                                       \
    v8 sum[COUNT];                                                                                        \
    for (int t = 0; t < COUNT; t++) sum[t] = (v8){0};                                                     \
    for (long r = 0; r < rows; r++) {                                                                     \
      v8 d = *(const v8 *)(dy + r * channels + c);                                                        \
      for (int t = 0; t < COUNT; t++) sum[t] += d * *(const v8 *)(x + from[r] + tap[first + t] + c);      \
    }                                                                                                     \
    for (int t = 0; t < COUNT; t++) {                                                                     \
      float *at = dw + (first + t) * channels + c;                                                        \
      *(v8 *)at = sum[t] + (accumulate ? *(const v8 *)at : (v8){0});                                      \
    }                                                                                                     \
  }

VECTORIZED void em_depthwise_weight_gradient(const float *dy, const float *x, const int32_t *from, const int32_t *tap,
                                             long taps, long rows, long channels, float *dw, int accumulate) {
  for (long first = 0; first < taps;) {
    long some = taps - first >= SUMS ? SUMS : taps - first >= 5 ? 5 : 1, c = 0;
    for (; c + HALF <= channels; c += HALF) {
      if (some == SUMS) DEPTHWISE_GRADIENT(9)
      else if (some == 5) DEPTHWISE_GRADIENT(5)
      else DEPTHWISE_GRADIENT(1)
    }
    for (; c < channels; c++)
      for (long t = first; t < first + some; t++) {
        float sum = accumulate ? dw[t * channels + c] : 0;
        for (long r = 0; r < rows; r++) sum += dy[r * channels + c] * x[from[r] + tap[t] + c];
        dw[t * channels + c] = sum;
      }
    first += some;
  }
}

VECTORIZED void em_max_pool(const float *x, const int32_t *from, const int32_t *tap, long taps, long rows,
                            long channels, float *y, uint8_t *places) {
  for (long r = 0; r < rows; r++) {
    float *most = y + r * channels;
    uint8_t *place = places + r * channels;
    const float *in = x + from[r];
    for (long c = 0; c < channels; c++) {
      most[c] = in[tap[0] + c];
      place[c] = 0;
    }
    for (long t = 1; t < taps; t++) {
      const float *other = in + tap[t];
      ELEMENTWISE for (long c = 0; c < channels; c++) {
        int greater = other[c] > most[c];
        most[c] = greater ? other[c] : most[c];
        place[c] = greater ? (uint8_t)t : place[c];
      }
    }
  }
}

VECTORIZED void em_max_pool_backward(const float *dy, const uint8_t *places, const int32_t *from, const int32_t *tap,
                                     long taps, long rows, long channels, float *dx) {
  // Tap by tap, so that a loop runs over neighbouring numbers.
  for (long r = 0; r < rows; r++) {
    const float *g = dy + r * channels;
    const uint8_t *place = places + r * channels;
    for (long t = 0; t < taps; t++) {
      float *to = dx + from[r] + tap[t];
      ELEMENTWISE for (long c = 0; c < channels; c++) to[c] = place[c] == t ? to[c] + g[c] : to[c];
    }
  }
}
