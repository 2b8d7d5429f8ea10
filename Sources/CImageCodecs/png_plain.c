// The common kinds of PNG file, all at once: their data inflated by libdeflate, their rows unfiltered and
// expanded here. A kind not named below, and a file with anything wrong in it, is left to libpng, which has
// the last word on what is an error.
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "png_rows.h"

// The most inflated bytes held here; libpng reads larger pictures row by row. Our choice.
enum { LARGEST = 1 << 26 };

enum { GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4, RGBA = 6 };

typedef struct {
  const uint8_t *data;  // of the first IDAT chunk
  size_t parts, bytes;  // how many IDAT chunks, and what they hold together
  const uint8_t *palette, *alphas;
  size_t colors, alpha_count;
  int is_alpha_odd;  // said in a tRNS chunk that is not a palette's alphas
} chunks;

// Samples of a pixel; 0 for a kind that is none.
static size_t channels_of(int color) {
  static const uint8_t channels[] = {[GRAY] = 1, [RGB] = 3, [PALETTE] = 1, [GRAY_ALPHA] = 2, [RGBA] = 4};
  return color < (int)sizeof channels ? channels[color] : 0;
}

static uint32_t big32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

static int is_critical(const uint8_t *name) { return !(name[0] & 0x20); }

static int is_intact(const uint8_t *name, size_t length) {
  return libdeflate_crc32(0, name, length + 4) == big32(name + 4 + length);
}

// Finds the IDAT chunks, which follow one another, and what stands before them. 0 for a file that libpng had
// better read.
static int find_chunks(const uint8_t *bytes, size_t count, int color, chunks *found) {
  for (size_t at = 33; count - at >= 12;) {
    size_t length = big32(bytes + at);
    const uint8_t *name = bytes + at + 4, *data = bytes + at + 8;
    if (length > count - at - 12) return 0;
    int is_data = memcmp(name, "IDAT", 4) == 0;
    if (found->parts && !is_data) return 1;
    if (is_critical(name) && !is_intact(name, length)) return 0;
    if (is_data) {
      if (found->parts++ == 0) found->data = data;
      found->bytes += length;
    } else if (memcmp(name, "PLTE", 4) == 0 && color == PALETTE && !found->palette) {
      if (length == 0 || length % 3 || length > 768) return 0;
      found->palette = data;
      found->colors = length / 3;
    } else if (is_critical(name)) {
      return 0;
    } else if (memcmp(name, "tRNS", 4) == 0) {
      if (found->alphas || length == 0 || length > found->colors || !is_intact(name, length))
        found->is_alpha_odd = 1;
      found->alphas = data;
      found->alpha_count = length;
    }
    at += length + 12;
  }
  return found->parts > 0;
}

// The data of all IDAT chunks, one after the other.
static void join(const chunks *found, uint8_t *to) {
  const uint8_t *data = found->data;
  for (size_t part = 0; part < found->parts; part++) {
    size_t length = big32(data - 8);
    memcpy(to, data, length);
    to += length;
    data += length + 12;
  }
}

static int inflate_exactly(const uint8_t *from, size_t count, uint8_t *to, size_t size) {
  struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
  if (!inflater) return 0;
  int status = libdeflate_zlib_decompress(inflater, from, count, to, size, NULL);
  libdeflate_free_decompressor(inflater);
  return status == LIBDEFLATE_SUCCESS;
}

typedef struct {
  size_t width, height, row_bytes;
  int color, depth;
  uint8_t colors[256][4];     // the palette, as it comes out
  const uint8_t *background;  // NULL where alpha is dropped
} picture;

// A number that the palette lacks is black, as in Pillow.
static void fill_palette(const chunks *found, picture *p) {
  memset(p->colors, 0, sizeof p->colors);
  for (size_t i = 0; i < found->colors; i++) {
    uint8_t color[4] = {0, 0, 0, i < found->alpha_count ? found->alphas[i] : 255};
    memcpy(color, found->palette + 3 * i, 3);
    if (p->background) {
      emanate_png_blend(color, 4, p->background, p->colors[i], 1);
    } else {
      memcpy(p->colors[i], color, 3);
    }
  }
}

static void expand_row(const picture *p, const uint8_t *row, uint8_t *rgb) {
  switch (p->color) {
    case GRAY: emanate_png_expand_gray(row, 1, rgb, p->width); break;
    case RGB: memcpy(rgb, row, p->row_bytes); break;
    case PALETTE: emanate_png_expand_palette(row, p->depth, p->colors, rgb, p->width); break;
    case GRAY_ALPHA:
      if (p->background) {
        emanate_png_blend(row, 2, p->background, rgb, p->width);
      } else {
        emanate_png_expand_gray(row, 2, rgb, p->width);
      }
      break;
    case RGBA:
      if (p->background) {
        emanate_png_blend(row, 4, p->background, rgb, p->width);
      } else {
        emanate_png_drop_alpha(row, rgb, p->width);
      }
      break;
  }
}

// Rows of 1 + row_bytes each, the first byte naming the filter; `lines` holds two rows and their slack.
static int decode_rows(const picture *p, const uint8_t *filtered, uint8_t *lines, uint8_t *pixels) {
  size_t line_bytes = p->row_bytes + EMANATE_PNG_SLACK, pixel_bytes = channels_of(p->color);
  memset(lines, 0, line_bytes);
  const uint8_t *above = lines;
  for (size_t y = 0; y < p->height; y++, filtered += p->row_bytes + 1, pixels += 3 * p->width) {
    const uint8_t *row = filtered + 1;
    if (filtered[0] > 4) return 0;
    if (filtered[0]) {
      uint8_t *line = above == lines ? lines + line_bytes : lines;
      emanate_png_unfilter(filtered[0], pixel_bytes, row, above, line, p->row_bytes);
      row = line;
    }
    above = row;
    expand_row(p, row, pixels);
  }
  return 1;
}

int emanate_png_decode_plain(const uint8_t *bytes, size_t count, const emanate_image_header *header,
                             const uint8_t *background, uint8_t *pixels) {
  if (count < 33 || big32(bytes + 16) != header->width || big32(bytes + 20) != header->height) return 0;
  int depth = bytes[24], color = bytes[25], is_interlaced = bytes[28];
  int is_narrow = color == PALETTE && (depth == 1 || depth == 2 || depth == 4);
  if (is_interlaced || !channels_of(color) || !(depth == 8 || is_narrow)) return 0;
  chunks found = {0};
  if (!find_chunks(bytes, count, color, &found)) return 0;
  if ((color == PALETTE && !found.palette) || (background && found.is_alpha_odd)) return 0;

  picture p = {header->width, header->height, .color = color, .depth = depth, .background = background};
  p.row_bytes = (p.width * channels_of(color) * (size_t)depth + 7) / 8;
  if (color == PALETTE) fill_palette(&found, &p);
  size_t size = (p.row_bytes + 1) * p.height, line_bytes = p.row_bytes + EMANATE_PNG_SLACK;
  if (size > LARGEST) return 0;
  size_t joined = found.parts > 1 ? found.bytes : 0;
  uint8_t *filtered = malloc(size + EMANATE_PNG_SLACK + 2 * line_bytes + joined);
  if (!filtered) return 0;
  uint8_t *lines = filtered + size + EMANATE_PNG_SLACK, *all = lines + 2 * line_bytes;
  if (joined) join(&found, all);
  int is_done = inflate_exactly(joined ? all : found.data, found.bytes, filtered, size)
                && decode_rows(&p, filtered, lines, pixels);
  free(filtered);
  return is_done;
}
