// The bfloat16 products with the instruction that multiplies sixteen pairs, vdpbf16ps.
#if defined(__x86_64__)
#include <immintrin.h>

#include "bfloat16.h"
#include "convolution.h"
#include "vector.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))), \
                             apply_to = function)

#define FORM(name) name##_native
#define MULTIPLY_ADD(V, sum, pair, row) \
  sum = (V)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)(row), (__m512bh)_mm512_set1_epi32((int)(pair)))
#define ROUND(x) (rounded16)_mm512_cvtneps_pbh((__m512)(x))

#include "pairs.h"

#pragma clang attribute pop
#endif
