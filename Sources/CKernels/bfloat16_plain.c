// The bfloat16 products the way of bfloat16_native.c, with multiplications and additions in the instruction's place:
// its layouts and tiles can be tested on any processor.
#include "bfloat16.h"
#include "convolution.h"
#include "vector.h"

typedef uint32_t bits16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float floats16 __attribute__((vector_size(64), aligned(4), may_alias));

// Both products of sixteen pairs with one, the upper halves first as the instruction has them. Not inlined, because it
// stands in every place of every tile and its speed does not matter.
static __attribute__((noinline)) void add_products(floats16 *sum, uint32_t pair, const bits16 *row) {
  bits16 all = (bits16){0} + pair;
  *sum += (floats16)(all & 0xffff0000) * (floats16)(*row & 0xffff0000);
  *sum += (floats16)(all << 16) * (floats16)(*row << 16);
}

typedef uint16_t rounded16 __attribute__((vector_size(32), aligned(2), may_alias));

static __attribute__((noinline)) void round16(const float *x, rounded16 *out) {
  uint16_t numbers[LANES];
  em_to_bfloat16_portable(x, LANES, numbers);
  memcpy(out, numbers, sizeof numbers);
}

#define FORM(name) name##_wide_plain
#define ROUND(x)                               \
  ({                                           \
    floats16 sums_ = (floats16)(x);            \
    rounded16 rounded_;                        \
    round16((const float *)&sums_, &rounded_); \
    rounded_;                                  \
  })
#define MULTIPLY_ADD(V, sum, pair, row) add_products(&(sum), pair, (const bits16 *)&(row))

#include "pairs.h"
