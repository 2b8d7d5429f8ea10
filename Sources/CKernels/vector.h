// Elementary functions written so that a loop over them vectorises, and sums in sixteen parts.
#pragma once
#include <stdint.h>
#include <string.h>

#include "clones.h"

#define INLINE static inline __attribute__((always_inline))
#define LANES 16

// Says that element i of the output depends on element i of the inputs only, so that input and output may be
// the same array: without it the loop's own check for overlap picks the scalar version when they are.
#define ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")

// e^x for x in [-87, 88], clamped outside; relative error below 2e-7.
INLINE float fast_exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding and subtracting it rounds to an integer
  float n = (x * 1.44269504f + magic) - magic;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  int32_t bits = ((int32_t)n + 127) << 23;
  float power;
  memcpy(&power, &bits, 4);
  return p * power;
}

// 2^x for x up to 127, and 2^-125 below -125; relative error below 2e-7. Two thirds of fast_exp's work.
INLINE float fast_exp2(float x) {
  x = x < -125.0f ? -125.0f : x;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the lowest bits.
  float shifted = x + 12582912.0f, r = x - (shifted - 12582912.0f);
  float p = 1.326472731e-3f;
  p = p * r + 9.671512991e-3f;
  p = p * r + 5.550733581e-2f;
  p = p * r + 2.402224243e-1f;
  p = p * r + 6.931470037e-1f;
  p = p * r + 1.0f;
  uint32_t integer, bits;
  memcpy(&integer, &shifted, 4);
  memcpy(&bits, &p, 4);
  bits += integer << 23;  // into the exponent
  memcpy(&p, &bits, 4);
  return p;
}

// ln x for normal positive x; absolute error below 2e-7 (Cephes' polynomial).
INLINE float fast_log(float x) {
  int32_t bits;
  memcpy(&bits, &x, 4);
  int32_t exponent = ((bits - 0x3f3504f3) >> 23);
  bits -= exponent * (1 << 23);
  float m;
  memcpy(&m, &bits, 4);
  float f = m - 1.0f, e = (float)exponent, z = f * f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  float y = f * z * p + e * -2.12194440e-4f - 0.5f * z;
  return f + y + e * 0.693359375f;
}

INLINE float sum_lanes(const float *s) {
  float a[8];
  for (int j = 0; j < 8; j++) a[j] = s[j] + s[j + 8];
  return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

// Sum over i of TERM, an expression in i; a statement that defines `name`.
#define SUM(name, count, TERM)                                                   \
  float name;                                                                    \
  {                                                                              \
    float lanes_[LANES] = {0};                                                   \
    long block_ = 0;                                                             \
    for (; block_ + LANES <= (count); block_ += LANES)                           \
      for (int lane_ = 0; lane_ < LANES; lane_++) {                              \
        long i = block_ + lane_;                                                 \
        lanes_[lane_] += (TERM);                                                 \
      }                                                                          \
    for (long i = block_; i < (count); i++) lanes_[i - block_] += (TERM);        \
    name = sum_lanes(lanes_);                                                    \
  }
