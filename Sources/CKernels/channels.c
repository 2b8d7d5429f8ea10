// Normalisation and activation channel by channel, rows of channels being pixels (Ioffe and Szegedy 2015).
#include "bfloat16.h"
#include "convolution.h"
#include "tile.h"

// Sums are taken about each channel's first number, so that a mean far from zero costs no digits.
VECTORIZED void em_channel_moments(const float *x, long rows, long channels, float *out) {
  float *mean = out, *squares = out + channels;
  long c = 0;
  for (; c + LANES <= channels; c += LANES) {
    v16 origin = *(const v16 *)(x + c), sum = {0}, square = {0};
    for (long r = 0; r < rows; r++) {
      v16 d = *(const v16 *)(x + r * channels + c) - origin;
      sum += d;
      square += d * d;
    }
    v16 m = sum * (1.0f / (float)rows);
    *(v16 *)(mean + c) = origin + m;
    *(v16 *)(squares + c) = square - sum * m;
  }
  for (; c < channels; c++) {
    float origin = x[c], sum = 0, square = 0;
    for (long r = 0; r < rows; r++) {
      float d = x[r * channels + c] - origin;
      sum += d;
      square += d * d;
    }
    mean[c] = origin + sum / (float)rows;
    squares[c] = square - sum * sum / (float)rows;
  }
  for (long i = 0; i < channels; i++) squares[i] = squares[i] < 0 ? 0 : squares[i];
}

INLINE float activated(float x, int activation) {
  switch (activation) {
    case EM_RELU: return x < 0 ? 0 : x;
    case EM_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case EM_HARD_SWISH: {
      float gate = x + 3;
      gate = gate < 0 ? 0 : gate > 6 ? 6 : gate;
      return x * gate * (1.0f / 6);
    }
    case EM_HARD_SIGMOID: {
      float gate = x + 3;
      return (gate < 0 ? 0 : gate > 6 ? 6 : gate) * (1.0f / 6);
    }
    default: return x;
  }
}

INLINE void normalize_channels(const float *x, long rows, long channels, const float *scale, const float *shift,
                               const float *other, const float *other_scale, const float *other_shift, int activation,
                               float *out) {
  for (long r = 0; r < rows; r++) {
    const float *in = x + r * channels, *also = other + r * channels;
    float *to = out + r * channels;
    if (!other) {
      if (scale) {
        ELEMENTWISE for (long c = 0; c < channels; c++) to[c] = activated(in[c] * scale[c] + shift[c], activation);
      } else {
        ELEMENTWISE for (long c = 0; c < channels; c++) to[c] = activated(in[c], activation);
      }
    } else if (scale && other_scale) {
      ELEMENTWISE for (long c = 0; c < channels; c++) to[c] =
          activated(in[c] * scale[c] + shift[c] + (also[c] * other_scale[c] + other_shift[c]), activation);
    } else if (scale) {
      ELEMENTWISE for (long c = 0; c < channels; c++) to[c] =
          activated(in[c] * scale[c] + shift[c] + also[c], activation);
    } else {
      ELEMENTWISE for (long c = 0; c < channels; c++) to[c] = activated(in[c] + also[c], activation);
    }
  }
}

VECTORIZED void em_normalize_channels(const float *x, long rows, long channels, const float *scale, const float *shift,
                                      const float *other, const float *other_scale, const float *other_shift,
                                      int activation, float *out) {
  switch (activation) {
    case EM_RELU:
      normalize_channels(x, rows, channels, scale, shift, other, other_scale, other_shift, EM_RELU, out);
      break;
    case EM_RELU6:
      normalize_channels(x, rows, channels, scale, shift, other, other_scale, other_shift, EM_RELU6, out);
      break;
    case EM_HARD_SWISH:
      normalize_channels(x, rows, channels, scale, shift, other, other_scale, other_shift, EM_HARD_SWISH, out);
      break;
    case EM_HARD_SIGMOID:
      normalize_channels(x, rows, channels, scale, shift, other, other_scale, other_shift, EM_HARD_SIGMOID, out);
      break;
    default: normalize_channels(x, rows, channels, scale, shift, other, other_scale, other_shift, EM_IDENTITY, out);
  }
}

// So many numbers at a time are float32 in the first cache before they are rounded.
#define NORMALIZED 2048

void em_normalize_channels_bfloat16(const float *x, long rows, long channels, const float *scale, const float *shift,
                                    int activation, uint16_t *out) {
  if (!scale && activation == EM_IDENTITY) {
    em_to_bfloat16(x, rows * channels, out);
    return;
  }
  float numbers[NORMALIZED];
  long together = NORMALIZED / channels, width = smaller(channels, NORMALIZED);
  if (together < 1) together = 1;
  for (long r = 0; r < rows; r += together)
    for (long c = 0; c < channels; c += width) {
      long some = smaller(together, rows - r), n = smaller(width, channels - c), at = r * channels + c;
      em_normalize_channels(x + at, some, n, scale ? scale + c : 0, shift ? shift + c : 0, 0, 0, 0, activation,
                            numbers);
      em_to_bfloat16(numbers, some * n, out + at);
    }
}

VECTORIZED void em_normalize_channels_backward(float *dy, const float *x, const float *out, long rows, long channels,
                                               const float *scale, const float *shift, int activation) {
  if (activation == EM_IDENTITY) return;
  for (long r = 0; r < rows; r++) {
    const float *in = x + r * channels, *o = out + r * channels;
    float *g = dy + r * channels;
    if (activation == EM_HARD_SIGMOID && out) {
      ELEMENTWISE for (long c = 0; c < channels; c++) g[c] = o[c] > 0 && o[c] < 1 ? g[c] * (1.0f / 6) : 0;
    } else if (activation == EM_HARD_SIGMOID) {
      ELEMENTWISE for (long c = 0; c < channels; c++) {
        float n = scale ? in[c] * scale[c] + shift[c] : in[c];
        g[c] = n > -3 && n < 3 ? g[c] * (1.0f / 6) : 0;
      }
    } else if (out) {
      float most = activation == EM_RELU6 ? 6.0f : __builtin_inff();
      ELEMENTWISE for (long c = 0; c < channels; c++) g[c] = o[c] > 0 && o[c] < most ? g[c] : 0;
    } else if (activation == EM_HARD_SWISH) {
      ELEMENTWISE for (long c = 0; c < channels; c++) {
        float n = scale ? in[c] * scale[c] + shift[c] : in[c];
        float slope = n <= -3 ? 0 : n >= 3 ? 1 : n * (1.0f / 3) + 0.5f;
        g[c] = g[c] * slope;
      }
    } else {
      float most = activation == EM_RELU6 ? 6.0f : __builtin_inff();
      ELEMENTWISE for (long c = 0; c < channels; c++) {
        float n = scale ? in[c] * scale[c] + shift[c] : in[c];
        g[c] = n > 0 && n < most ? g[c] : 0;
      }
    }
  }
}

VECTORIZED void em_channel_gradient_sums(const float *g, const float *x, long rows, long channels, const float *mean,
                                         const float *rstd, float *sums) {
  float *plain = sums, *weighted = sums + channels;
  long c = 0;
  for (; c + LANES <= channels; c += LANES) {
    v16 m = *(const v16 *)(mean + c), sum = {0}, product = {0};
    for (long r = 0; r < rows; r++) {
      v16 d = *(const v16 *)(g + r * channels + c);
      sum += d;
      product += d * (*(const v16 *)(x + r * channels + c) - m);
    }
    *(v16 *)(plain + c) = sum;
    *(v16 *)(weighted + c) = product * *(const v16 *)(rstd + c);
  }
  for (; c < channels; c++) {
    float sum = 0, product = 0;
    for (long r = 0; r < rows; r++) {
      sum += g[r * channels + c];
      product += g[r * channels + c] * (x[r * channels + c] - mean[c]);
    }
    plain[c] = sum;
    weighted[c] = product * rstd[c];
  }
}

VECTORIZED void em_combine_channels(const float *g, const float *x, long rows, long channels, const float *mean,
                                    const float *a, const float *b, const float *c, int accumulate, float *dx) {
  for (long r = 0; r < rows; r++) {
    const float *in = x + r * channels, *up = g + r * channels;
    float *to = dx + r * channels;
    if (accumulate) {
      ELEMENTWISE for (long i = 0; i < channels; i++) to[i] += a[i] * up[i] + (b[i] * (in[i] - mean[i]) + c[i]);
    } else {
      ELEMENTWISE for (long i = 0; i < channels; i++) to[i] = a[i] * up[i] + (b[i] * (in[i] - mean[i]) + c[i]);
    }
  }
}
