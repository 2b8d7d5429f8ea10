// The gradient of a linear layer's weight, dy^T x, summed block of rows by block of rows while both are in cache: asked
// for all rows at once, the library spends a sixth of its time fetching and packing them.
#include "tile.h"
#include "training.h"

// A step is a row as it stands.
#define SOURCE float
#define STEP 1
INLINE const float *step_numbers(const float *x, long stride, long rows, long columns, float *line) { return x; }

#include "weight_gradient.h"

long em_weight_gradient_scratch(void) { return GRADIENT_SCRATCH; }

NARROW_REGISTERS
void em_weight_gradient_narrow(const float *dy, const float *x, long rows, long outputs, long inputs,
                               float *dw, int accumulate, float *scratch) {
  weight_gradient(0, dy, x, rows, outputs, inputs, dw, accumulate, scratch);
}

WIDE_REGISTERS
void em_weight_gradient_wide(const float *dy, const float *x, long rows, long outputs, long inputs,
                             float *dw, int accumulate, float *scratch) {
  weight_gradient(1, dy, x, rows, outputs, inputs, dw, accumulate, scratch);
}

void em_weight_gradient(const float *dy, const float *x, long rows, long outputs, long inputs, float *dw,
                        int accumulate, float *scratch) {
  if (em_has_wide_registers()) em_weight_gradient_wide(dy, x, rows, outputs, inputs, dw, accumulate, scratch);
  else em_weight_gradient_narrow(dy, x, rows, outputs, inputs, dw, accumulate, scratch);
}
