// Convolutions and batch normalisation of images whose channels lie together, [images, height, width, channels].
#pragma once
#include <stdint.h>

// y[to[r] + j] = sum over taps t and places p of x[from[r] + t * step + p] * w[j][t * depth + p], for every row r and
// column j; w packed as em_pack_convolution leaves it. Two forms, for 16 and for 32 vector registers; sums run in the
// same order in both.
void em_convolve(const float *x, const int32_t *from, long taps, long step, long depth, const float *w, long rows,
                 long columns, float *y, const int32_t *to);
void em_convolve_narrow(const float *x, const int32_t *from, long taps, long step, long depth, const float *w,
                        long rows, long columns, float *y, const int32_t *to);
void em_convolve_wide(const float *x, const int32_t *from, long taps, long step, long depth, const float *w, long rows,
                      long columns, float *y, const int32_t *to);

// Which rows or columns of a kernel are used, and in which order.
typedef struct {
  long first, step, count;
} em_taps;

// Packs a convolution's weight, [outputs, inputs, side, side] as PyTorch has it, for the columns first ..< first + count
// (first a multiple of 16): panels of sixteen columns, [column / 16][tap down, tap across, row][16], zeros behind the
// last column. Columns are outputs and rows inputs, or transposed the other way round.
void em_pack_convolution(const float *w, long outputs, long inputs, long side, em_taps down, em_taps across,
                         int transposed, long first, long count, float *out);

// The same of bfloat16 numbers: `from` and `step` count these, x has a finite number behind the last one it reads, and
// w is packed as em_pack_convolution_bfloat16 leaves it. For processors with the instruction; `wide_plain` goes its way
// without it and is there to be tested.
void em_convolve_bfloat16(const uint16_t *x, const int32_t *from, long taps, long step, long depth, const uint16_t *w,
                          long rows, long columns, float *y, const int32_t *to);
void em_convolve_bfloat16_wide_plain(const uint16_t *x, const int32_t *from, long taps, long step, long depth,
                                     const uint16_t *w, long rows, long columns, float *y, const int32_t *to);
// em_pack_convolution, rounded: two rows of a tap down lie side by side in a line of sixteen columns, and a zero line
// stands behind an odd number of rows: [column / 16][tap down][ceil(taps across * rows / 2)][16][2].
void em_pack_convolution_bfloat16(const float *w, long outputs, long inputs, long side, em_taps down, em_taps across,
                                  int transposed, long first, long count, uint16_t *out);

// dw[o][t * depth + i] = (accumulate ? dw : 0) + sum over rows r of dy[r][o] * x[from[r] + t * step + i]: dy [rows,
// outputs], rows dy_stride apart -> dw [outputs, taps * depth]. scratch: em_convolution_weight_gradient_scratch()
// floats.
void em_convolution_weight_gradient(const float *dy, const float *x, const int32_t *from, long rows, long outputs,
                                    long dy_stride, long taps, long step, long depth, float *dw, int accumulate,
                                    float *scratch);
void em_convolution_weight_gradient_narrow(const float *dy, const float *x, const int32_t *from, long rows,
                                           long outputs, long dy_stride, long taps, long step, long depth, float *dw,
                                           int accumulate, float *scratch);
void em_convolution_weight_gradient_wide(const float *dy, const float *x, const int32_t *from, long rows, long outputs,
                                         long dy_stride, long taps, long step, long depth, float *dw, int accumulate,
                                         float *scratch);
long em_convolution_weight_gradient_scratch(void);
// The same of bfloat16 numbers, in as much memory. Forms as above.
void em_convolution_weight_gradient_bfloat16(const uint16_t *dy, const uint16_t *x, const int32_t *from, long rows,
                                             long outputs, long dy_stride, long taps, long step, long depth, float *dw,
                                             int accumulate, float *scratch);
void em_convolution_weight_gradient_bfloat16_wide_plain(const uint16_t *dy, const uint16_t *x, const int32_t *from,
                                                        long rows, long outputs, long dy_stride, long taps, long step,
                                                        long depth, float *dw, int accumulate, float *scratch);
// Adds up parts of a weight's gradient, [count, outputs, side, side, inputs], for some outputs, and writes it as the
// weight lies: [outputs, inputs, side, side].
void em_unpack_convolution_gradient(const float *parts, long count, long inputs, long side, float *dw, int accumulate,
                                    long outputs, long from, long until);

// Depthwise: y[to[r] + c] = sum over taps t of x[from[r] + tap[t] + c] * w[t * channels + c].
void em_depthwise(const float *x, const int32_t *from, const int32_t *tap, long taps, const float *w, long rows,
                  long channels, float *y, const int32_t *to);
// dw[t * channels + c] = (accumulate ? dw : 0) + sum over rows r of dy[r * channels + c] * x[from[r] + tap[t] + c].
void em_depthwise_weight_gradient(const float *dy, const float *x, const int32_t *from, const int32_t *tap, long taps,
                                  long rows, long channels, float *dw, int accumulate);

// What follows a normalisation: max(x, 0); min(max(x, 0), 6); x h(x) and h(x) = min(max(x + 3, 0), 6) / 6.
enum { EM_IDENTITY, EM_RELU, EM_RELU6, EM_HARD_SWISH, EM_HARD_SIGMOID };

// Means and sums of squared deviations of each channel: x [rows, channels] -> out [2, channels].
void em_channel_moments(const float *x, long rows, long channels, float *out);
// out = activation(x * scale + shift) channel by channel; with `other` (of the same shape) plus other * other_scale +
// other_shift, where those may be NULL for 1 and 0, before the activation.
void em_normalize_channels(const float *x, long rows, long channels, const float *scale, const float *shift,
                           const float *other, const float *other_scale, const float *other_shift, int activation,
                           float *out);
// The same without `other`, rounded to bfloat16.
void em_normalize_channels_bfloat16(const float *x, long rows, long channels, const float *scale, const float *shift,
                                    int activation, uint16_t *out);
// The gradient of that: g = dy * activation'(...), written over dy, where the activation's input is known by its output
// (all but EM_HARD_SWISH; `out`) or is computed again from x (`out` NULL). With sums [2, channels]: the sums of
// g and of g * (x - mean) * rstd over the rows, for x normalised with them.
void em_normalize_channels_backward(float *dy, const float *x, const float *out, long rows, long channels,
                                    const float *scale, const float *shift, int activation);
void em_channel_gradient_sums(const float *g, const float *x, long rows, long channels, const float *mean,
                              const float *rstd, float *sums);
// dx = (accumulate ? dx : 0) + a * g + b * (x - mean) + c channel by channel; g and dx may be the same.
void em_combine_channels(const float *g, const float *x, long rows, long channels, const float *mean, const float *a,
                         const float *b, const float *c, int accumulate, float *dx);

// The greatest of each window: x padded, y[r * channels + c] = max over taps t of x[from[r] + tap[t] + c]; which tap it
// was (the first of equals) goes to `places`.
void em_max_pool(const float *x, const int32_t *from, const int32_t *tap, long taps, long rows, long channels, float *y,
                 uint8_t *places);
// dx[from[r] + tap[places[r][c]] + c] += dy[r][c].
void em_max_pool_backward(const float *dy, const uint8_t *places, const int32_t *from, const int32_t *tap, long taps,
                          long rows, long channels, float *dx);
