// A block of 16 x 16 bytes in registers. Always inlined, so that each instruction set gets its own.
#pragma once
#include <stdint.h>

typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef uint8_t u8x16_unaligned __attribute__((vector_size(16), aligned(1)));

// Four perfect shuffles of the 16 rows: each doubles the run of bytes that come from one column.
static inline __attribute__((always_inline)) void transpose16(u8x16 *rows) {
  u8x16 other[16];
#define HALF_SHUFFLE(to, from)                                                                            \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < 8; i++) {                                        \
    (to)[2 * i] = __builtin_shufflevector((from)[i], (from)[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, \
                                          21, 6, 22, 7, 23);                                              \
    (to)[2 * i + 1] = __builtin_shufflevector((from)[i], (from)[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, \
                                              28, 13, 29, 14, 30, 15, 31);                                \
  }
  HALF_SHUFFLE(other, rows)
  HALF_SHUFFLE(rows, other)
  HALF_SHUFFLE(other, rows)
  HALF_SHUFFLE(rows, other)
#undef HALF_SHUFFLE
}

// 16 lines of 16 bytes, `from_stride` apart, to 16 lines `to_stride` apart.
static inline __attribute__((always_inline)) void transpose_block(uint8_t *to, intptr_t to_stride,
                                                                  const uint8_t *from, intptr_t from_stride) {
  u8x16 rows[16];
  _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i++) rows[i] =
      *(const u8x16_unaligned *)(from + i * from_stride);
  transpose16(rows);
  _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i++)
      *(u8x16_unaligned *)(to + i * to_stride) = rows[i];
}
