// The two passes of resample16.c for one instruction set; defines NAME. To be given: TARGET, WIDE (lanes of a vector)
// and MULTIPLY(a, b), a * b / 2^15 rounded.
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define numbers JOIN(NAME, numbers)
#define unaligned_numbers JOIN(NAME, unaligned_numbers)
#define wide_numbers JOIN(NAME, wide_numbers)
#define bytes JOIN(NAME, bytes)
typedef int16_t numbers __attribute__((vector_size(2 * WIDE)));
typedef int16_t unaligned_numbers __attribute__((vector_size(2 * WIDE), aligned(2)));
typedef int32_t wide_numbers __attribute__((vector_size(4 * WIDE)));
typedef uint8_t bytes __attribute__((vector_size(WIDE), aligned(1)));

#define VECTORS (TILE / WIDE)
#define EACH _Pragma("clang loop unroll(full)") for (int v = 0; v < VECTORS; v++)

// Sums of TILE neighbouring numbers over `taps` lines, `stride` numbers apart, each times its weight. So many taps that
// their roundings could add up to half a level are summed in 32 bits and rounded once.
#define WEIGHTED_SUM(sum, source, stride, weight, weight_stride, taps)                                             \
  numbers sum[VECTORS];                                                                                            \
  EACH sum[v] = (numbers){};                                                                                       \
  {                                                                                                                \
    const int16_t *line = (source), *k = (weight);                                                                 \
    if ((taps) <= MOST_TAPS) {                                                                                     \
      for (intptr_t t = 0; t < (taps); t++, line += (stride), k += (weight_stride)) {                              \
        numbers w = (numbers){} + *k;                                                                              \
        EACH sum[v] += MULTIPLY(((const unaligned_numbers *)line)[v], w);                                          \
      }                                                                                                            \
    } else {                                                                                                       \
      wide_numbers sums[VECTORS];                                                                                  \
      EACH sums[v] = (wide_numbers){} + (1 << 14);                                                                 \
      for (intptr_t t = 0; t < (taps); t++, line += (stride), k += (weight_stride))                                \
        EACH sums[v] += __builtin_convertvector(((const unaligned_numbers *)line)[v], wide_numbers) * (int32_t)*k; \
      EACH sum[v] = __builtin_convertvector(sums[v] >> 15, numbers);                                               \
    }                                                                                                              \
  }

#define PLUS(a, b) __builtin_elementwise_add_sat(a, b)
#define MINUS(a, b) __builtin_elementwise_sub_sat(a, b)
#define SHARE(factor) ((numbers){} + (int16_t)((factor)*32768 + 0.5))
// Levels out of v * 32, to one channel of the result.
#define STORE(channel, value)                                                                                  \
  {                                                                                                            \
    uint8_t *to = result + (channel)*width * height + y * width + x0;                                          \
    uint8_t part[TILE];                                                                                        \
    uint8_t *out = wide == TILE ? to : part;                                                                   \
    EACH {                                                                                                     \
      numbers level = PLUS(value, (numbers){} + 16) >> 5;                                                      \
      level = __builtin_elementwise_max(__builtin_elementwise_min(level, (numbers){} + 255), (numbers){});     \
      ((bytes *)out)[v] = __builtin_convertvector(level, bytes);                                               \
    }                                                                                                          \
    if (wide < TILE) memcpy(to, part, (size_t)wide);                                                           \
  }

TARGET static void NAME(const int16_t *columns, const struct emanate_plane16 *planes, const struct axis16 (*axes)[2],
                        enum emanate_colors colors, int mirrored, uint8_t *result, int16_t *scratch) {
  int count = colors == EMANATE_GRAY ? 1 : 3;
  intptr_t width = axes[0][0].outputs, height = axes[0][1].outputs;
  for (intptr_t x0 = 0; x0 < width; x0 += TILE) {
    intptr_t wide = width - x0 < TILE ? width - x0 : TILE, first[3];
    int16_t *lying[3], *free = scratch;
    for (int c = 0; c < count; c++) {
      const struct axis16 *axis = axes[c];
      intptr_t rows, stride = planes[c].stride;
      rows_of(axes[c] + 1, first + c, &rows);
      intptr_t length = padded(rows);
      const int16_t *plane = columns + planes[c].offset + first[c];
      lying[c] = free;
      free += TILE * length;
      for (intptr_t j0 = 0; j0 < wide; j0 += GROUP) {
        for (intptr_t j = 0; j < GROUP; j++) {
          intptr_t at = j0 + j < wide ? x0 + j0 + j : x0 + wide - 1, x = mirrored ? width - 1 - at : at;
          const int16_t *from = plane + axis->first[x] * stride;
          for (intptr_t y = 0; y < rows; y += TILE) {
            WEIGHTED_SUM(sum, from + y, stride, axis->weights + x, width, axis->count[x])
            EACH((unaligned_numbers *)(free + j * length + y))[v] = sum[v];
          }
        }
        lay_down(free, length, lying[c] + j0);
      }
    }
    for (intptr_t y = 0; y < height; y++) {
#define VERTICAL(sum, c)                                                                                  \
  WEIGHTED_SUM(sum, lying[c] + (axes[c][1].first[y] - first[c]) * TILE, TILE, axes[c][1].weights + y, \
               height, axes[c][1].count[y])
      VERTICAL(one, 0)
      if (colors == EMANATE_GRAY) {
        for (int channel = 0; channel < 3; channel++) STORE(channel, one[v])
        continue;
      }
      VERTICAL(two, 1)
      VERTICAL(three, 2)
      if (colors == EMANATE_RGB) {
        STORE(0, one[v])
        STORE(1, two[v])
        STORE(2, three[v])
        continue;
      }
      // JFIF: r = y + 1.402 cr, g = y - 0.344136 cb - 0.714136 cr, b = y + 1.772 cb
      STORE(0, PLUS(one[v], PLUS(three[v], MULTIPLY(three[v], SHARE(.402)))))
      STORE(1, MINUS(one[v], PLUS(MULTIPLY(two[v], SHARE(.344136)), MULTIPLY(three[v], SHARE(.714136)))))
      STORE(2, PLUS(one[v], PLUS(two[v], MULTIPLY(two[v], SHARE(.772)))))
    }
  }
}

#undef NAME
#undef TARGET
#undef WIDE
#undef MULTIPLY
#undef JOIN_
#undef JOIN
#undef numbers
#undef unaligned_numbers
#undef wide_numbers
#undef bytes
#undef VECTORS
#undef EACH
#undef WEIGHTED_SUM
#undef PLUS
#undef MINUS
#undef SHARE
#undef STORE
#undef VERTICAL
