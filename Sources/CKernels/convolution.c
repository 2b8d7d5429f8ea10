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

NARROW_REGISTERS
void em_convolve_narrow(const float *x, const int32_t *from, long taps, long step, long depth,
                        const float *w, long rows, long columns, float *y, const int32_t *to) {
  convolve(0, x, from, taps, step, depth, w, rows, columns, y, to);
}

WIDE_REGISTERS
void em_convolve_wide(const float *x, const int32_t *from, long taps, long step, long depth,
                      const float *w, long rows, long columns, float *y, const int32_t *to) {
  convolve(1, x, from, taps, step, depth, w, rows, columns, y, to);
}

void em_convolve(const float *x, const int32_t *from, long taps, long step, long depth, const float *w, long rows,
                 long columns, float *y, const int32_t *to) {
  if (em_has_wide_registers()) em_convolve_wide(x, from, taps, step, depth, w, rows, columns, y, to);
  else em_convolve_narrow(x, from, taps, step, depth, w, rows, columns, y, to);
}

// A weight's rows that are transposed at a time, and the largest kernel for which they are.
#define PACKED_ROWS 16
#define PACKED_KERNEL 25

// Sixteen rows of sixteen columns of a weight, all taps: [row][tap][column].
INLINE void transpose_weight(const float *w, long inputs, long kernel, int transposed, float *out) {
  if (!transposed) {
    em_pack(w, inputs * kernel, 1, PACKED_ROWS * kernel, LANES, out);
    return;
  }
  for (long r = 0; r < PACKED_ROWS; r++)
    em_pack(w + r * inputs * kernel, kernel, 1, kernel, LANES, out + r * kernel * LANES);
}

// Two ways through a weight: sixteen rows at a time are transposed where there are as many, since taps of one row of a
// kernel lie together and a line's columns far apart; the rest number by number. PUT_LINES(lines, stride, count, at)
// packs `count` lines of sixteen, the first at row `at` of the panel's tap.
#define PACK_CONVOLUTION(PUT_LINES, TAP_ROWS)                                                                      \
  long kernel = side * side, columns = transposed ? inputs : outputs, rows = transposed ? outputs : inputs;        \
  /* From one column to the next, and from one row of a tap to the next. */                                        \
  long column = transposed ? kernel : inputs * kernel, row = transposed ? inputs * kernel : kernel;                \
  float lines[PACKED_ROWS * PACKED_KERNEL * LANES];                                                                \
  for (long j = first; j < first + count; j += LANES, out += down.count * TAP_ROWS * LANES) {                      \
    long lanes = smaller(LANES, columns - j);                                                                      \
    int fast = lanes == LANES && rows % PACKED_ROWS == 0 && kernel <= PACKED_KERNEL;                               \
    for (long r = 0; fast && r < rows; r += PACKED_ROWS) {                                                         \
      transpose_weight(w + j * column + r * row, inputs, kernel, transposed, lines);                               \
      for (long y = 0; y < down.count; y++)                                                                        \
        for (long x = 0; x < across.count; x++)                                                                    \
          PUT_LINES(lines + ((down.first + y * down.step) * side + across.first + x * across.step) * LANES,        \
                    kernel * LANES, PACKED_ROWS, y * TAP_ROWS + x * rows + r);                                     \
    }                                                                                                              \
    for (long y = 0; !fast && y < down.count; y++) {                                                               \
      long filled = 0, done = 0;                                                                                   \
      for (long x = 0; x < across.count; x++) {                                                                    \
        const float *tap = w + (down.first + y * down.step) * side + across.first + x * across.step + j * column;  \
        for (long r = 0; r < rows; r++) {                                                                          \
          float *line = lines + filled++ * LANES;                                                                  \
          for (long lane = 0; lane < lanes; lane++) line[lane] = tap[r * row + lane * column];                     \
          for (long lane = lanes; lane < LANES; lane++) line[lane] = 0;                                            \
          if (filled < PACKED_ROWS && (r + 1 < rows || x + 1 < across.count)) continue;                            \
          PUT_LINES(lines, LANES, filled, y * TAP_ROWS + done);                                                    \
          done += filled;                                                                                          \
          filled = 0;                                                                                              \
        }                                                                                                          \
      }                                                                                                            \
    }                                                                                                              \
  }

void em_pack_convolution(const float *w, long outputs, long inputs, long side, em_taps down, em_taps across,
                         int transposed, long first, long count, float *out) {
#define PUT_FLOATS(from, stride, some, at) \
  for (long i = 0; i < some; i++) memcpy(out + ((at) + i) * LANES, (from) + i * (stride), LANES * sizeof(float))
  PACK_CONVOLUTION(PUT_FLOATS, (across.count * rows))
}

void em_pack_convolution_bfloat16(const float *w, long outputs, long inputs, long side, em_taps down, em_taps across,
                                  int transposed, long first, long count, uint16_t *out) {
#define PUT_PAIRS(from, stride, some, at) em_pack_bfloat16(from, stride, 0, some, LANES, out + (at) * LANES)
  PACK_CONVOLUTION(PUT_PAIRS, ((across.count * rows + 1) / 2 * 2))
}

long em_convolution_weight_gradient_scratch(void) { return GATHERED_SCRATCH; }

NARROW_REGISTERS
void em_convolution_weight_gradient_narrow(const float *dy, const float *x, const int32_t *from, long rows,
                                           long outputs, long dy_stride, long taps, long step, long depth,
                                           float *dw, int accumulate, float *scratch) {
  convolution_weight_gradient(0, dy, x, from, rows, outputs, dy_stride, taps, step, depth, dw, accumulate, scratch);
}

WIDE_REGISTERS
void em_convolution_weight_gradient_wide(const float *dy, const float *x, const int32_t *from,
                                         long rows, long outputs, long dy_stride, long taps, long step,
                                         long depth, float *dw, int accumulate, float *scratch) {
  convolution_weight_gradient(1, dy, x, from, rows, outputs, dy_stride, taps, step, depth, dw, accumulate, scratch);
}

void em_convolution_weight_gradient(const float *dy, const float *x, const int32_t *from, long rows, long outputs,
                                    long dy_stride, long taps, long step, long depth, float *dw, int accumulate,
                                    float *scratch) {
  if (em_has_wide_registers())
    em_convolution_weight_gradient_wide(dy, x, from, rows, outputs, dy_stride, taps, step, depth, dw, accumulate,
                                        scratch);
  else
    em_convolution_weight_gradient_narrow(dy, x, from, rows, outputs, dy_stride, taps, step, depth, dw, accumulate,
                                          scratch);
}

// A row's sums of a tap are added up so many at a time.
#define UNPACKED 256

VECTORIZED void em_unpack_convolution_gradient(const float *parts, long count, long inputs, long side, float *dw,
                                               int accumulate, long outputs, long from, long until) {
  long kernel = side * side, whole = outputs * inputs * kernel;
  float sums[UNPACKED];
  for (long o = from; o < until; o++)
    for (long first = 0; first < inputs; first += UNPACKED)
      for (long t = 0; t < kernel; t++) {
        long some = smaller(UNPACKED, inputs - first);
        const float *in = parts + (o * kernel + t) * inputs + first;
        float *out = dw + (o * inputs + first) * kernel + t;
        for (long i = 0; i < some; i++) sums[i] = accumulate ? out[i * kernel] : 0;
        for (long part = 0; part < count; part++)
          for (long i = 0; i < some; i++) sums[i] += in[part * whole + i];
        for (long i = 0; i < some; i++) out[i * kernel] = sums[i];
      }
}
