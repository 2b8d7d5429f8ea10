// What must hold of every PNG and JPEG file, through the codecs' public header alone.
#pragma once
#include "check.h"

// Pictures of more pixels are left at their header, so that memory and time stay bounded.
enum { PIXEL_LIMIT = 1 << 16 };

// `background` is NULL, or the colour that alpha is laid over.
static int decode(const uint8_t *bytes, size_t count, emanate_image_header *header, const uint8_t *background,
                  uint8_t *pixels) {
  int status = emanate_image_decode(bytes, count, header, background, pixels);
  require(status >= EMANATE_CODEC_DONE && status <= EMANATE_CODEC_NO_MEMORY, "the status is a known one");
  if (status != EMANATE_CODEC_DONE) require_message(header->message);
  return status;
}

// Depth, colour type and interlacing of a PNG file; process, components and sampling of a JPEG file.
static unsigned kind_of(const uint8_t *bytes, size_t count, int format) {
  if (format == EMANATE_FORMAT_PNG) return count > 28 ? bytes[24] << 16 | bytes[25] << 8 | bytes[28] : 0;
  for (size_t at = 2; at + 19 < count && bytes[at] == 0xFF; at += 2 + (bytes[at + 2] << 8 | bytes[at + 3])) {
    int marker = bytes[at + 1], is_table = marker == 0xC4 || marker == 0xC8 || marker == 0xCC;
    if (marker >= 0xC0 && marker <= 0xCF && !is_table)
      return (unsigned)marker << 24 | bytes[at + 9] << 16 | bytes[at + 11] << 8 | bytes[at + 14];
  }
  return 0;
}

// The sixteenths of the rows that were reached before an error: the rest is still as the blocks began.
static unsigned reached(const uint8_t *first, const uint8_t *second, size_t total) {
  size_t left = total;
  while (left > 0 && first[left - 1] != second[left - 1]) left--;
  return (unsigned)(16 * left / total);
}

// Header and pixels, decoded twice into blocks of exactly their size that begin as 0 and as 255: equal bytes
// mean that the same was decoded and that nothing was left unwritten.
static void check_image(const uint8_t *bytes, size_t count) {
  emanate_image_header header;
  memset(&header, 0xAA, sizeof header);
  int status = emanate_image_read_header(bytes, count, &header);
  require(status >= EMANATE_CODEC_DONE && status <= EMANATE_CODEC_NO_MEMORY, "the status is a known one");
  if (status != EMANATE_CODEC_DONE) {
    require_message(header.message);
    note_outcome(header.message, 1);
    return;
  }
  size_t width = header.width, height = header.height;
  size_t longest = header.format == EMANATE_FORMAT_PNG ? 0x7FFFFFFF : 0xFFFF;
  require(header.format == EMANATE_FORMAT_PNG || header.format == EMANATE_FORMAT_JPEG, "the format is known");
  require(width > 0 && width <= longest && height > 0 && height <= longest, "the size is one the format has");
  require(header.orientation >= 1 && header.orientation <= 8, "the orientation is 1 to 8");
  if (width > PIXEL_LIMIT / height) return;

  emanate_image_header again = header;
  size_t total = width * height * 3;
  uint8_t *first = malloc(total), *second = malloc(total);
  require(first && second, "there is memory for the pixels");
  memset(first, 0, total);
  memset(second, 255, total);
  static const uint8_t color[3] = {10, 130, 250};
  const uint8_t *background = count & 1 ? color : NULL;
  int one = decode(bytes, count, &header, background, first);
  int two = decode(bytes, count, &again, background, second);
  require(one == two, "decoding twice gives the same status");
  if (one == EMANATE_CODEC_DONE)
    require(memcmp(first, second, total) == 0, "decoding twice gives the same pixels");
  else
    require(strcmp(header.message, again.message) == 0, "decoding twice gives the same message");
  unsigned kind = kind_of(bytes, count, header.format);
  note_outcome("orientation", (unsigned)header.orientation);
  note_outcome(one == EMANATE_CODEC_DONE ? "" : header.message, kind);
  if (one != EMANATE_CODEC_DONE) note_outcome("reached", kind << 8 | reached(first, second, total));
  // The fast way gives what libpng gives, or leaves the file to it.
  if (header.format == EMANATE_FORMAT_PNG && emanate_png_decode_plain(bytes, count, &header, background, second)) {
    require(emanate_png_decode_by_libpng(bytes, count, &again, background, first) == EMANATE_CODEC_DONE,
            "libpng decodes what the fast way does");
    require(memcmp(first, second, total) == 0, "libpng gives the pixels of the fast way");
  }
  free(first);
  free(second);
}
