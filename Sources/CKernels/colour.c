// Colour operations on planes, in the arithmetic of Pillow's Blend.c, Convert.c and torchvision's PIL
// functions.
#include "clones.h"
#include "images.h"

#pragma STDC FP_CONTRACT OFF  // Pillow's sums are rounded after the product, and so are ours on every machine

// ITU-R 601-2 luma in 16 bits (Convert.c, L24)
#define GRAY(r, g, b) ((19595 * (uint32_t)(r) + 38470 * (uint32_t)(g) + 7471 * (uint32_t)(b) + 0x8000) >> 16)

static inline __attribute__((always_inline)) uint8_t blended(int from, int to, float factor) {
  float value = (float)from + factor * (float)(to - from);
  value = value < 0 ? 0 : value;
  value = value > 255 ? 255 : value;
  return (uint8_t)(int32_t)value;
}

VECTORIZED
void emanate_blend_constant(uint8_t *bytes, intptr_t count, int constant, float factor) {
  for (intptr_t i = 0; i < count; i++) bytes[i] = blended(constant, bytes[i], factor);
}

VECTORIZED
void emanate_blend_gray(uint8_t *planes, intptr_t count, float factor) {
  uint8_t *restrict r = planes, *restrict g = planes + count, *restrict b = planes + 2 * count;
  for (intptr_t i = 0; i < count; i++) {
    int gray = (int)GRAY(r[i], g[i], b[i]);
    r[i] = blended(gray, r[i], factor);
    g[i] = blended(gray, g[i], factor);
    b[i] = blended(gray, b[i], factor);
  }
}

VECTORIZED
uint64_t emanate_gray_sum(const uint8_t *planes, intptr_t count) {
  const uint8_t *restrict r = planes, *restrict g = planes + count, *restrict b = planes + 2 * count;
  uint64_t total = 0;
  for (intptr_t start = 0; start < count; start += 1 << 16) {
    intptr_t end = count - start < 1 << 16 ? count : start + (1 << 16);
    uint32_t sum = 0;
    for (intptr_t i = start; i < end; i++) sum += GRAY(r[i], g[i], b[i]);
    total += sum;
  }
  return total;
}

VECTORIZED
void emanate_to_gray(uint8_t *planes, intptr_t count) {
  uint8_t *restrict r = planes, *restrict g = planes + count, *restrict b = planes + 2 * count;
  for (intptr_t i = 0; i < count; i++) {
    uint8_t gray = (uint8_t)GRAY(r[i], g[i], b[i]);
    r[i] = gray;
    g[i] = gray;
    b[i] = gray;
  }
}

// Hue and saturation come out in Pillow's 8 bits exactly although all is single precision: each of the
// 197,370 quotients was compared. Back in RGB, Pillow rounds from double: near a half we may differ by one
// level.
VECTORIZED
void emanate_rotate_hue(uint8_t *planes, intptr_t count, uint8_t shift) {
  uint8_t *restrict red = planes, *restrict green = planes + count, *restrict blue = planes + 2 * count;
  for (intptr_t i = 0; i < count; i++) {
    int32_t r = red[i], g = green[i], b = blue[i];
    int32_t high = r > g ? r : g, low = r < g ? r : g;
    high = high > b ? high : b;
    low = low < b ? low : b;
    int32_t range = high - low;
    // One channel is `high`, one `low`; the middle one places the hue between two multiples of a sixth.
    int32_t middle = r + g + b - high - low;
    float quotient = (float)(high - middle) / (float)(range > 0 ? range : 1);
    // red high: 1 - q, or q - 1 where green is low; green high: 1 + q, 3 - q; blue high: 3 + q, 5 - q
    float base, sign;
    int32_t red_is_high = r == high, green_is_high = g == high;
    int32_t rising = red_is_high ? b == low : green_is_high ? r == low : g == low;
    base = red_is_high ? 0.0f : green_is_high ? 2.0f : 4.0f;
    sign = rising ? 1.0f : -1.0f;
    float h = (base + sign) - sign * quotient;
    float turn = h / 6.0f;
    turn = turn < 0 ? turn + 1.0f : turn;
    int32_t hue = (int32_t)(turn * 255.0f);
    int32_t saturation = (int32_t)((float)range / (float)(high > 0 ? high : 1) * 255.0f);
    hue = range > 0 ? hue : 0;
    hue = (hue + shift) & 255;

    // hue * 6 / 255 = sector + fraction; the third level is q in odd sectors, t in even ones.
    int32_t sixfold = hue * 6;
    int32_t sector = (sixfold * 257 + 257) >> 16;
    int32_t rest = sixfold - sector * 255;
    rest = sector & 1 ? rest : 255 - rest;
    float s = (float)saturation * (1.0f / 255), v = (float)high;
    int32_t p = (int32_t)(v * (1.0f - s) + 0.5f);
    int32_t third = (int32_t)(v * (1.0f - s * ((float)rest * (1.0f / 255))) + 0.5f);
    sector = sector == 6 ? 0 : sector;
    red[i] = (uint8_t)(sector == 0 || sector == 5 ? high : sector == 1 || sector == 4 ? third : p);
    green[i] = (uint8_t)(sector == 1 || sector == 2 ? high : sector == 0 || sector == 3 ? third : p);
    blue[i] = (uint8_t)(sector == 3 || sector == 4 ? high : sector == 2 || sector == 5 ? third : p);
  }
}

VECTORIZED
void emanate_solarize(uint8_t *bytes, intptr_t count, int threshold) {
  for (intptr_t i = 0; i < count; i++) bytes[i] = bytes[i] < threshold ? bytes[i] : 255 - bytes[i];
}
