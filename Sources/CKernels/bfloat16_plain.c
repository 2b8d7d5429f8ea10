// The bfloat16 products the way of bfloat16_native.c, with multiplications and additions in the instruction's place:
// its layouts and tiles can be tested on any processor.
#include "bfloat16.h"
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

#define FORM(name) name##_wide_plain
#define MULTIPLY_ADD(V, sum, pair, row) add_products(&(sum), pair, (const bits16 *)&(row))

#include "pairs.h"
