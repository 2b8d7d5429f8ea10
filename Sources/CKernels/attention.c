// Attention of one head in float32.
#include "tile.h"
#include "training.h"

// A step is a row as it stands.
#define SOURCE float
#define STEP 1
INLINE const float *step_numbers(const float *x, long stride, long rows, long columns, float *line) { return x; }
INLINE float value_of(float x) { return x; }
INLINE void store_row(const float *x, long count, float *out) { memcpy(out, x, (size_t)count * 4); }
INLINE void store_step(const float *x, const float *next, long count, float *out) { store_row(x, count, out); }

#include "attention.h"

// Enough for every form.
long em_attention_scratch(long tokens, long depth) {
  long wide = padded(1, depth), keys = padded(1, tokens), some = gradient_rows(tokens) + 1;
  long forward = 2 * keys * wide + QUERY_ROWS * (keys + wide);
  long backward = 5 * keys * wide + some * (4 * wide + 2 * keys) + 2 * SCORE_ROWS * keys;
  return forward > backward ? forward : backward;
}

NARROW_REGISTERS
void em_attention_narrow(FORWARD_PARAMETERS) { attention(0, FORWARD_ARGUMENTS); }
WIDE_REGISTERS
void em_attention_wide(FORWARD_PARAMETERS) { attention(1, FORWARD_ARGUMENTS); }

void em_attention(FORWARD_PARAMETERS) {
  if (em_has_wide_registers()) em_attention_wide(FORWARD_ARGUMENTS);
  else em_attention_narrow(FORWARD_ARGUMENTS);
}

NARROW_REGISTERS
void em_attention_backward_narrow(BACKWARD_PARAMETERS) { attention_backward(0, BACKWARD_ARGUMENTS); }
WIDE_REGISTERS
void em_attention_backward_wide(BACKWARD_PARAMETERS) { attention_backward(1, BACKWARD_ARGUMENTS); }

void em_attention_backward(BACKWARD_PARAMETERS) {
  if (em_has_wide_registers()) em_attention_backward_wide(BACKWARD_ARGUMENTS);
  else em_attention_backward_narrow(BACKWARD_ARGUMENTS);
}
