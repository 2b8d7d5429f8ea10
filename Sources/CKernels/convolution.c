// Convolutions of images whose channels lie together, as products whose rows are gathered where they stand: the inputs of
// one output pixel under one row of the kernel are one piece of memory, so nothing is copied for each tap (compare
// Dukhan 2019, arXiv:1907.02129).
#include "convolution.h"

#include "bfloat16.h"
#include "tile.h"
#include "training.h"

// A step of the weight gradient's sums is a row as it stands.
#define SOURCE float
#define STEP 1
INLINE const float *step_numbers(const float *x, long stride, long rows, long columns, float *line) { return x; }
INLINE float number_at(const float *x, long place) { return x[place]; }

#include "gathered.h"

VECTORIZED void em_convolve_narrow(const float *x, const int32_t *from, long taps, long step, long depth,
                                   const float *w, long rows, long columns, float *y, const int32_t *to) {
  convolve(0, x, from, taps, step, depth, w, rows, columns, y, to);
}

VECTORIZED void em_convolve_wide(const float *x, const int32_t *from, long taps, long step, long depth,
                                 const float *w, long rows, long columns, float *y, const int32_t *to) {
  convolve(1, x, from, taps, step, depth, w, rows, columns, y, to);
}

void em_convolve(const float *x, const int32_t *from, long taps, long step, long depth, const float *w, long rows,
                 long columns, float *y, const int32_t *to) {
  if (em_has_wide_registers()) em_convolve_wide(x, from, taps, step, depth, w, rows, columns, y, to);
  else em_convolve_narrow(x, from, taps, step, depth, w, rows, columns, y, to);
}

void em_pack_convolution(const float *w, long outputs, long inputs, long side, em_taps down, em_taps across,
                         int transposed, long first, long count, float *out) {
  long kernel = side * side, columns = transposed ? inputs : outputs, rows = transposed ? outputs : inputs;
  // From one column to the next, and from one row of a tap to the next.
  long column = transposed ? kernel : inputs * kernel, row = transposed ? inputs * kernel : kernel;
  for (long j = first; j < first + count; j += LANES) {
    long lanes = smaller(LANES, columns - j);
    for (long y = 0; y < down.count; y++)
      for (long x = 0; x < across.count; x++) {
        const float *tap = w + (down.first + y * down.step) * side + across.first + x * across.step + j * column;
        for (long r = 0; r < rows; r++, out += LANES) {
          for (long lane = 0; lane < lanes; lane++) out[lane] = tap[r * row + lane * column];
          for (long lane = lanes; lane < LANES; lane++) out[lane] = 0;
        }
      }
  }
}

VECTORIZED void em_convolution_weight_gradient_narrow(const float *dy, const float *x, const int32_t *from, long rows,
                                                      long outputs, long taps, long step, long depth, float *dw,
                                                      int accumulate, float *scratch) {
  convolution_weight_gradient(0, dy, x, from, rows, outputs, taps, step, depth, dw, accumulate, scratch);
}

VECTORIZED void em_convolution_weight_gradient_wide(const float *dy, const float *x, const int32_t *from, long rows,
                                                    long outputs, long taps, long step, long depth, float *dw,
                                                    int accumulate, float *scratch) {
  convolution_weight_gradient(1, dy, x, from, rows, outputs, taps, step, depth, dw, accumulate, scratch);
}

void em_convolution_weight_gradient(const float *dy, const float *x, const int32_t *from, long rows, long outputs,
                                    long taps, long step, long depth, float *dw, int accumulate, float *scratch) {
  if (em_has_wide_registers())
    em_convolution_weight_gradient_wide(dy, x, from, rows, outputs, taps, step, depth, dw, accumulate, scratch);
  else em_convolution_weight_gradient_narrow(dy, x, from, rows, outputs, taps, step, depth, dw, accumulate, scratch);
}

// Lines of sixteen columns are packed so many at a time, an even number.
#define LINES 64

void em_pack_convolution_bfloat16(const float *w, long outputs, long inputs, long side, em_taps down, em_taps across,
                                  int transposed, long first, long count, uint16_t *out) {
  long kernel = side * side, columns = transposed ? inputs : outputs, rows = transposed ? outputs : inputs;
  long column = transposed ? kernel : inputs * kernel, row = transposed ? inputs * kernel : kernel;
  float lines[LINES * LANES];
  for (long j = first; j < first + count; j += LANES) {
    long lanes = smaller(LANES, columns - j);
    for (long y = 0; y < down.count; y++) {
      long filled = 0;
      for (long x = 0; x < across.count; x++) {
        const float *tap = w + (down.first + y * down.step) * side + across.first + x * across.step + j * column;
        for (long r = 0; r < rows; r++) {
          float *line = lines + filled++ * LANES;
          for (long lane = 0; lane < lanes; lane++) line[lane] = tap[r * row + lane * column];
          for (long lane = lanes; lane < LANES; lane++) line[lane] = 0;
          if (filled < LINES && (r + 1 < rows || x + 1 < across.count)) continue;
          em_pack_bfloat16(lines, LANES, 0, filled, LANES, out);
          out += (filled + 1) / 2 * 2 * LANES;
          filled = 0;
        }
      }
    }
  }
}

VECTORIZED void em_unpack_convolution_gradient(const float *parts, long count, long inputs, long side, float *dw,
                                               int accumulate, long outputs, long from, long until) {
  long kernel = side * side, whole = outputs * inputs * kernel;
  for (long o = from; o < until; o++)
    for (long t = 0; t < kernel; t++) {
      const float *in = parts + (o * kernel + t) * inputs;
      float *out = dw + o * inputs * kernel + t;
      for (long i = 0; i < inputs; i++) {
        float sum = accumulate ? out[i * kernel] : 0;
        for (long part = 0; part < count; part++) sum += in[part * whole + i];
        out[i * kernel] = sum;
      }
    }
}
