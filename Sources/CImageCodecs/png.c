// PNG through libpng, but for what png_plain.c reads. What comes out is what Pillow's convert("RGB") gives, or
// its paste over a background, but for 16-bit samples: scaled here.
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "png_rows.h"

typedef struct {
  const uint8_t *bytes;
  size_t count, at;
} source;

static void read_source(png_structp png, png_bytep to, size_t count) {
  source *from = png_get_io_ptr(png);
  if (from->count - from->at < count) png_error(png, "the file ends too early");
  memcpy(to, from->bytes + from->at, count);
  from->at += count;
}

static void fail(png_structp png, png_const_charp text) {
  emanate_say(png_get_error_ptr(png), text);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static uint32_t big32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

// The eXIf chunk may stand before or after the picture.
static int orientation(const uint8_t *bytes, size_t count) {
  size_t at = 8;
  while (count - at >= 12) {
    size_t length = big32(bytes + at);
    if (length > count - at - 12) return 1;
    if (memcmp(bytes + at + 4, "eXIf", 4) == 0) return emanate_exif_orientation(bytes + at + 8, length);
    at += length + 12;
  }
  return 1;
}

typedef struct {
  png_structp png;
  png_infop info;
  emanate_image_header *header;
  const uint8_t *background;  // NULL where alpha is dropped
  uint8_t *pixels;            // NULL where only the header is asked for
  uint8_t *rgba;              // a row, or all of an interlaced picture, while alpha is laid over a background
} reader;

// Opens the file up to the first pixels.
static void begin(reader *r, source *from) {
  png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_chunk_malloc_max(r->png, 8000000);
  // Only size, palette and pixels matter: a damaged text or colour profile must not cost an image.
  png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_read_fn(r->png, from, read_source);
  png_read_info(r->png, r->info);
}

// Rows of four samples, laid over the background.
static void blend_rows(reader *r, int passes) {
  size_t width = r->header->width, height = r->header->height, kept = passes > 1 ? height : 1;
  r->rgba = malloc(kept * width * 4);
  if (!r->rgba) png_error(r->png, "not enough memory");
  for (int pass = 0; pass < passes; pass++)
    for (size_t y = 0; y < height; y++) {
      uint8_t *row = r->rgba + y % kept * width * 4;
      png_read_row(r->png, row, NULL);
      if (pass == passes - 1) emanate_png_blend(row, 4, r->background, r->pixels + y * width * 3, width);
    }
}

// A number that a palette lacks is black, as in Pillow.
static void read_pixels(reader *r) {
  png_structp png = r->png;
  size_t width = r->header->width, height = r->header->height;
  int color = png_get_color_type(png, r->info);
  if (png_get_image_width(png, r->info) != width || png_get_image_height(png, r->info) != height)
    png_error(png, "the size is not the one read before");
  png_set_scale_16(png);  // (v * 255 + 32767) / 65535
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
  if (!(color & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
  if (r->background) {
    if (png_get_valid(png, r->info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
    png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
  } else {
    png_set_strip_alpha(png);
  }
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, r->info);
  if (png_get_rowbytes(png, r->info) != width * (r->background ? 4 : 3))
    png_error(png, "rows of an unknown kind");
  if (r->background) {
    blend_rows(r, passes);
    return;
  }
  for (int pass = 0; pass < passes; pass++)
    for (size_t y = 0; y < height; y++) png_read_row(png, r->pixels + y * width * 3, NULL);
}

// libpng's errors come back to here.
static int guarded(reader *r, source *from) {
  if (setjmp(png_jmpbuf(r->png))) return EMANATE_CODEC_CORRUPT;
  begin(r, from);
  if (r->pixels) {
    read_pixels(r);
  } else {
    r->header->width = png_get_image_width(r->png, r->info);
    r->header->height = png_get_image_height(r->png, r->info);
    r->header->orientation = orientation(from->bytes, from->count);
  }
  return EMANATE_CODEC_DONE;
}

static int read_png(const uint8_t *bytes, size_t count, emanate_image_header *header,
                    const uint8_t *background, uint8_t *pixels) {
  source from = {bytes, count, 0};
  reader r = {.header = header, .background = background, .pixels = pixels};
  r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, header->message, fail, ignore);
  if (r.png) r.info = png_create_info_struct(r.png);
  int status = r.info ? guarded(&r, &from) : EMANATE_CODEC_NO_MEMORY;
  if (!r.info) emanate_say(header->message, "not enough memory");
  png_destroy_read_struct(&r.png, &r.info, NULL);
  free(r.rgba);
  return status;
}

int emanate_png_header(const uint8_t *bytes, size_t count, emanate_image_header *header) {
  return read_png(bytes, count, header, NULL, NULL);
}

int emanate_png_decode_by_libpng(const uint8_t *bytes, size_t count, emanate_image_header *header,
                                 const uint8_t *background, uint8_t *pixels) {
  return read_png(bytes, count, header, background, pixels);
}

int emanate_png_decode(const uint8_t *bytes, size_t count, emanate_image_header *header,
                       const uint8_t *background, uint8_t *pixels) {
  if (emanate_png_decode_plain(bytes, count, header, background, pixels)) return EMANATE_CODEC_DONE;
  return emanate_png_decode_by_libpng(bytes, count, header, background, pixels);
}

static void write_encoded(png_structp png, png_bytep bytes, size_t count) {
  if (!emanate_encoded_append(png_get_io_ptr(png), bytes, count)) png_error(png, "not enough memory");
}

static void flush_nothing(png_structp png) { (void)png; }

int emanate_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int level, emanate_encoded *out) {
  memset(out, 0, sizeof *out);
  png_infop info = NULL;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, out->message, fail, ignore);
  if (!png || !(info = png_create_info_struct(png))) {
    png_destroy_write_struct(&png, NULL);
    emanate_say(out->message, "not enough memory");
    return EMANATE_CODEC_NO_MEMORY;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return EMANATE_CODEC_UNSUPPORTED;
  }
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_write_fn(png, out, write_encoded, flush_nothing);
  png_set_compression_level(png, level);
  png_set_IHDR(png, info, width, height, 8, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (size_t y = 0; y < height; y++) png_write_row(png, pixels + y * width * (size_t)channels);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return EMANATE_CODEC_DONE;
}
