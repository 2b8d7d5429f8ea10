// Loops over 8-bit images: resampling, colour, blur, patch rows.
//
// A "plane" holds one channel row by row; "columns" hold one channel column by column, which turns the
// horizontal pass of a resampling into loads of neighbouring bytes. Blocks of 32 bytes are read: a buffer of
// columns needs EMANATE_TAIL readable bytes after its end.
#pragma once
#include <stdint.h>

#define EMANATE_TAIL 64

// pack.c: between interleaved RGB, planes, columns and patch rows

/// Bytes between columns of `rows` pixels, as `emanate_columns_from_rgb` writes them.
static inline intptr_t emanate_column_bytes(intptr_t rows) { return (rows + 15) / 16 * 16; }

/// RGB rows -> three sets of columns; writes whole blocks of 16 rows, so a column is `emanate_column_bytes`
/// long.
void emanate_columns_from_rgb(const uint8_t *rgb, intptr_t row_bytes, intptr_t width, intptr_t height,
                              uint8_t *columns, intptr_t column_bytes, intptr_t plane_bytes);

/// RGB -> three planes of `count` bytes each, one after the other.
void emanate_planes_from_rgb(const uint8_t *rgb, intptr_t count, uint8_t *planes);

/// Three planes of `count` bytes each -> RGB.
void emanate_rgb_from_planes(const uint8_t *planes, intptr_t count, uint8_t *rgb);

/// Mirrors each row of three planes.
void emanate_mirror_rows(uint8_t *planes, intptr_t width, intptr_t height);

/// Planes of side x side -> float rows, one a patch: [side/patch * side/patch, 3 * patch * patch],
/// value * scale + bias.
void emanate_patch_rows(const uint8_t *planes, intptr_t side, intptr_t patch, const float *scale,
                        const float *bias, float *rows);

// resample.c: Pillow's antialiased resampling, bit for bit

/// Most taps that an output pixel has; `support` is 2 for bicubic, 1 for bilinear.
intptr_t emanate_axis_taps(float start, float end, intptr_t outputs, double support);

/// First inputs [outputs] and 22-bit weights [taps][outputs] of one axis. `scratch`: (taps + 2) * outputs
/// doubles.
void emanate_axis_weights(int bicubic, intptr_t inputs, float start, float end, intptr_t outputs,
                          intptr_t taps, int32_t *first, int32_t *count, int32_t *weights, double *scratch);

/// One axis as `emanate_axis_weights` leaves it.
struct emanate_axis {
  intptr_t outputs, taps;
  const int32_t *first, *count, *weights;
};

/// Bytes of scratch that `emanate_resize` needs for `rows` input rows.
intptr_t emanate_resize_scratch(intptr_t rows);

/// Columns -> planes, the horizontal pass first. `row` and `rows`: the input rows that the vertical axis
/// reads; without a vertical axis there is no vertical pass. `mirrored` swaps left and right.
void emanate_resize(const uint8_t *columns, intptr_t column_bytes, intptr_t column_plane_bytes, intptr_t row,
                    intptr_t rows, const struct emanate_axis *horizontal, const struct emanate_axis *vertical,
                    int mirrored, uint8_t *planes, uint8_t *scratch);

/// Columns of `rows` pixels -> columns of the vertical axis's outputs, `result_column_bytes` apart: the
/// vertical pass alone, where it comes first. The scratch is that for max(rows, outputs).
void emanate_resize_down(const uint8_t *columns, intptr_t column_bytes, intptr_t column_plane_bytes,
                         intptr_t width, intptr_t rows, const struct emanate_axis *vertical, uint8_t *result,
                         intptr_t result_column_bytes, uint8_t *scratch);

// resample16.c: the same in 16 bits, of planes that may be halved, within a level but for rare values

/// Rows of levels -> columns of (level - zero) * 128, `stride` numbers apart; writes whole blocks of 16 rows.
void emanate_columns16(const uint8_t *plane, intptr_t row_bytes, intptr_t width, intptr_t height, int zero,
                       int16_t *columns, intptr_t stride);

/// The same of interleaved RGB, to three sets of columns `plane_numbers` apart (pack.c).
void emanate_columns16_from_rgb(const uint8_t *rgb, intptr_t row_bytes, intptr_t width, intptr_t height,
                                int16_t *columns, intptr_t column_numbers, intptr_t plane_numbers);

/// A plane as `emanate_columns16` leaves it. A sample may cover two columns or rows of the image: libjpeg's smooth
/// upsampling then goes into the weights. 64 numbers after the last column are read.
struct emanate_plane16 {
  intptr_t offset;  // of the first column, in numbers
  intptr_t stride, width, height;
  int halves_columns, halves_rows;
};

/// What one plane, or three, hold; the third one's size is the second's. Chroma is kept less 128.
enum emanate_colors { EMANATE_GRAY, EMANATE_RGB, EMANATE_YCBCR };

/// Bytes of scratch that `emanate_resize16` needs for a window of `rows` rows.
intptr_t emanate_resize16_scratch(const struct emanate_axis *horizontal, const struct emanate_axis *vertical,
                                  intptr_t rows);

/// One plane or three -> red, green and blue planes of the axes' outputs. The axes are those of the window whose top
/// left pixel is (x, y). `mirrored` swaps left and right.
void emanate_resize16(const int16_t *columns, const struct emanate_plane16 *planes, enum emanate_colors colors,
                      const struct emanate_axis *horizontal, const struct emanate_axis *vertical, intptr_t x,
                      intptr_t y, int mirrored, uint8_t *result, uint8_t *scratch);

/// The same without a processor's own instructions, bit for bit: the oracle.
void emanate_resize16_plain(const int16_t *columns, const struct emanate_plane16 *planes, enum emanate_colors colors,
                            const struct emanate_axis *horizontal, const struct emanate_axis *vertical, intptr_t x,
                            intptr_t y, int mirrored, uint8_t *result, uint8_t *scratch);

// ycbcr.c: JFIF's luma and chroma

/// Two planes of chroma of one size. A sample may cover two columns or rows of the image.
struct emanate_chroma {
  const uint8_t *blueness, *redness;
  intptr_t row_bytes, width, height;
  int halves_columns, halves_rows;
};

/// 16-bit numbers of scratch that `emanate_rgb_from_ycbcr` needs.
intptr_t emanate_rgb_scratch(const struct emanate_chroma *chroma);

/// Luma and chroma -> red, green and blue planes as libjpeg gives them, with its smooth upsampling, bit for bit.
void emanate_rgb_from_ycbcr(const uint8_t *luma, intptr_t row_bytes, intptr_t width, intptr_t height,
                            const struct emanate_chroma *chroma, uint8_t *planes, uint16_t *scratch);

/// How many samples of chroma make a colour that is more than 4 levels outside 0...255.
intptr_t emanate_outside_gamut(const uint8_t *luma, intptr_t row_bytes, intptr_t width, intptr_t height,
                               const struct emanate_chroma *chroma);

// colour.c: Pillow's and torchvision's operations on planes

/// bytes = constant + factor * (bytes - constant), truncated and clipped.
void emanate_blend_constant(uint8_t *bytes, intptr_t count, int constant, float factor);

/// Each channel = grey + factor * (channel - grey), truncated and clipped.
void emanate_blend_gray(uint8_t *planes, intptr_t count, float factor);

/// Sum of the grey levels.
uint64_t emanate_gray_sum(const uint8_t *planes, intptr_t count);

/// All three channels = grey.
void emanate_to_gray(uint8_t *planes, intptr_t count);

/// Adds `shift` (of 256) to the hue in Pillow's 8-bit HSV.
void emanate_rotate_hue(uint8_t *planes, intptr_t count, uint8_t shift);

/// Inverts levels of `threshold` and above.
void emanate_solarize(uint8_t *bytes, intptr_t count, int threshold);

// blur.c: Pillow's Gaussian blur of three box passes an axis

/// Bytes of scratch that `emanate_box_blur` needs.
intptr_t emanate_box_blur_scratch(intptr_t width, intptr_t height);

/// Three box passes of `radius` pixels along each axis of one plane, in place. 16-bit arithmetic below radius
/// 2.
void emanate_box_blur(uint8_t *plane, intptr_t width, intptr_t height, float radius, uint8_t *scratch);

/// The same in Pillow's 32-bit arithmetic, bit for bit: the oracle, and the way for a radius of 2 and more.
void emanate_box_blur_exact(uint8_t *plane, intptr_t width, intptr_t height, float radius, uint8_t *scratch);
