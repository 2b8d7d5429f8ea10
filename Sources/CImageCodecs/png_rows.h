// Rows of PNG files: filters undone, pixels brought to 8-bit RGB.
#pragma once
#include <stddef.h>
#include <stdint.h>

// How many bytes past its count each row of emanate_png_unfilter must have room for.
enum { EMANATE_PNG_SLACK = 4 };

// Undoes filter 1...4 (Sub, Up, Average, Paeth; ISO 15948, section 9) of one row. `above` is the row before,
// its filter undone; zeros for the first.
void emanate_png_unfilter(int filter, size_t pixel_bytes, const uint8_t *restrict filtered,
                          const uint8_t *restrict above, uint8_t *restrict row, size_t count);

// [width, 4] -> [width, 3]
void emanate_png_drop_alpha(const uint8_t *restrict rgba, uint8_t *restrict rgb, size_t width);

// Colours over a background as Pillow's paste has it, c a + b (255 - a) over 255, rounded; `samples` is 4 for
// RGBA, 2 for grey and alpha: [width, samples] -> [width, 3]
void emanate_png_blend(const uint8_t *restrict row, size_t samples, const uint8_t background[3],
                       uint8_t *restrict rgb, size_t width);

// Levels, or pairs of level and alpha where `step` is 2: [width, step] -> [width, 3]
void emanate_png_expand_gray(
    const uint8_t *restrict levels, size_t step, uint8_t *restrict rgb, size_t width);

// Palette numbers of 1, 2, 4 or 8 bits: [width] -> [width, 3]. A colour's fourth byte means nothing.
void emanate_png_expand_palette(const uint8_t *restrict numbers, int depth, const uint8_t colors[256][4],
                                uint8_t *restrict rgb, size_t width);
