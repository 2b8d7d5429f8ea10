#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void emanate_say(char *message, const char *text) { snprintf(message, EMANATE_MESSAGE_BYTES, "%s", text); }

int emanate_image_format(const uint8_t *bytes, size_t count) {
  static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  if (count >= 8 && memcmp(bytes, png, 8) == 0) return EMANATE_FORMAT_PNG;
  if (count >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF) return EMANATE_FORMAT_JPEG;
  return 0;
}

int emanate_image_read_header(const uint8_t *bytes, size_t count, emanate_image_header *header) {
  memset(header, 0, sizeof *header);
  header->orientation = 1;
  header->format = emanate_image_format(bytes, count);
  switch (header->format) {
    case EMANATE_FORMAT_PNG: return emanate_png_header(bytes, count, header);
    case EMANATE_FORMAT_JPEG: return emanate_jpeg_header(bytes, count, header);
    default:
      emanate_say(header->message, count == 0 ? "the file is empty" : "neither a PNG nor a JPEG file");
      return EMANATE_CODEC_UNKNOWN_FORMAT;
  }
}

int emanate_image_decode(const uint8_t *bytes, size_t count, emanate_image_header *header,
                         const uint8_t *background, uint8_t *pixels) {
  return header->format == EMANATE_FORMAT_PNG ? emanate_png_decode(bytes, count, header, background, pixels)
                                              : emanate_jpeg_decode(bytes, count, header, pixels);
}

static unsigned u16(const uint8_t *p, int big) { return big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]; }

static uint32_t u32(const uint8_t *p, int big) {
  return big ? (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]
             : (uint32_t)p[3] << 24 | p[2] << 16 | p[1] << 8 | p[0];
}

int emanate_exif_orientation(const uint8_t *tiff, size_t count) {
  if (count < 8) return 1;
  int big = tiff[0] == 'M';
  if (!(big ? tiff[1] == 'M' : tiff[0] == 'I' && tiff[1] == 'I') || u16(tiff + 2, big) != 42) return 1;
  uint32_t directory = u32(tiff + 4, big);
  if (directory > count - 2) return 1;
  unsigned entries = u16(tiff + directory, big);
  for (unsigned i = 0; i < entries; i++) {
    size_t at = (size_t)directory + 2 + 12 * (size_t)i;
    if (at + 12 > count) return 1;
    if (u16(tiff + at, big) != 0x0112) continue;
    unsigned type = u16(tiff + at + 2, big);
    uint32_t value = type == 4 ? u32(tiff + at + 8, big) : u16(tiff + at + 8, big);
    return (type == 3 || type == 4) && value >= 1 && value <= 8 ? (int)value : 1;
  }
  return 1;
}

int emanate_encoded_append(emanate_encoded *out, const uint8_t *bytes, size_t count) {
  if (out->capacity - out->count < count) {
    size_t capacity = out->capacity * 2 > out->count + count ? out->capacity * 2 : out->count + count + 1024;
    uint8_t *grown = realloc(out->bytes, capacity);
    if (!grown) return 0;
    out->bytes = grown;
    out->capacity = capacity;
  }
  memcpy(out->bytes + out->count, bytes, count);
  out->count += count;
  return 1;
}

void emanate_encoded_free(emanate_encoded *out) {
  free(out->bytes);
  memset(out, 0, sizeof *out);
}

int emanate_gunzip(const char *path, size_t limit, emanate_encoded *out) {
  memset(out, 0, sizeof *out);
  gzFile file = gzopen(path, "rb");
  if (!file) {
    emanate_say(out->message, "cannot be opened");
    return EMANATE_CODEC_UNSUPPORTED;
  }
  gzbuffer(file, 1 << 17);
  uint8_t block[1 << 15];
  int status = EMANATE_CODEC_DONE;
  for (;;) {
    int got = gzread(file, block, sizeof block);
    if (got > 0 && out->count + (size_t)got > limit) {
      emanate_say(out->message, "holds more than expected");
      status = EMANATE_CODEC_CORRUPT;
      break;
    }
    if (got > 0 && !emanate_encoded_append(out, block, (size_t)got)) {
      emanate_say(out->message, "not enough memory");
      status = EMANATE_CODEC_NO_MEMORY;
      break;
    }
    int code = Z_OK;
    const char *text = gzerror(file, &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      emanate_say(out->message, code == Z_BUF_ERROR ? "the compressed data end too early" : text);
      status = EMANATE_CODEC_CORRUPT;
      break;
    }
    if (got == 0) break;
  }
  gzclose(file);
  return status;
}
