// Gaussian blur as Pillow does it (src/libImaging/BoxBlur.c): three box passes an axis, each rounded to 8 bits.
#include "clones.h"
#include "images.h"

#include <string.h>

// `lines` lines of `length` levels, `step` bytes between levels and `stride` between lines.
static void box_pass(uint8_t *plane, intptr_t length, intptr_t step, intptr_t lines, intptr_t stride, float box,
                     uint8_t *line) {
  int32_t radius = (int32_t)box;
  uint32_t near = (uint32_t)((float)(1 << 24) / (box * 2 + 1));
  uint32_t far = ((1 << 24) - (uint32_t)(radius * 2 + 1) * near) / 2;
  for (intptr_t y = 0; y < lines; y++) {
    uint8_t *levels = plane + y * stride;
    for (intptr_t x = 0; x < length; x++) line[x] = levels[x * step];
#define AT(x) ((uint32_t)line[(x) < 0 ? 0 : (x) >= length ? length - 1 : (x)])
    uint32_t sum = 0;
    for (intptr_t x = -radius - 1; x < radius; x++) sum += AT(x);
    for (intptr_t x = 0; x < length; x++) {
      sum += AT(x + radius) - AT(x - radius - 1);
      levels[x * step] =
          (uint8_t)((sum * near + (AT(x - radius - 1) + AT(x + radius + 1)) * far + (1 << 23)) >> 24);
    }
#undef AT
  }
}

void emanate_box_blur_exact(uint8_t *plane, intptr_t width, intptr_t height, float radius, uint8_t *scratch) {
  if (radius == 0) return;
  for (int pass = 0; pass < 3; pass++) box_pass(plane, width, 1, height, width, radius, scratch);
  for (int pass = 0; pass < 3; pass++) box_pass(plane, height, width, width, 1, radius, scratch);
}

intptr_t emanate_box_blur_scratch(intptr_t width, intptr_t height) { return width > height ? width : height; }

void emanate_box_blur(uint8_t *plane, intptr_t width, intptr_t height, float radius, uint8_t *scratch) {
  emanate_box_blur_exact(plane, width, height, radius, scratch);
}
