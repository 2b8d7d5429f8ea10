// PNG and JPEG files in memory to 8-bit RGB and back, and gzip files; every failure is a code and a message.
//
// libpng and libjpeg report errors by longjmp; the jumps begin and end inside png.c and jpeg.c, and nothing is
// printed.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { EMANATE_MESSAGE_BYTES = 256 };

enum {
  EMANATE_CODEC_DONE = 0,
  EMANATE_CODEC_UNKNOWN_FORMAT = 1,  // neither PNG nor JPEG by its first bytes
  EMANATE_CODEC_UNSUPPORTED = 2,     // a PNG or JPEG of a kind that is not read
  EMANATE_CODEC_CORRUPT = 3,         // truncated or damaged
  EMANATE_CODEC_NO_MEMORY = 4,
};

enum { EMANATE_FORMAT_PNG = 1, EMANATE_FORMAT_JPEG = 2 };

// The format by the first bytes, of which eight are enough; 0 for any other. The content decides, not the name.
int emanate_image_format(const uint8_t *bytes, size_t count);

// libpng as loaded, libdeflate and libjpeg as built with.
void emanate_codec_versions(char text[EMANATE_MESSAGE_BYTES]);

typedef struct {
  int32_t format;       // EMANATE_FORMAT_...
  uint32_t width;       // pixels
  uint32_t height;      // rows
  int32_t orientation;  // EXIF orientation 1...8; 1 where the file names none
  char message[EMANATE_MESSAGE_BYTES];
} emanate_image_header;

// Reads size and orientation; takes no memory that grows with the picture.
int emanate_image_read_header(const uint8_t *bytes, size_t count, emanate_image_header *header);

// Decodes into `pixels`, header->height x header->width x 3 bytes; `header` as emanate_image_read_header left
// it. `background` is the colour (three levels) that a picture with alpha is laid over; NULL drops alpha.
int emanate_image_decode(const uint8_t *bytes, size_t count, emanate_image_header *header,
                         const uint8_t *background, uint8_t *pixels);

// The two ways in which a PNG file is decoded, for tests to compare. The first returns 1 where the file is of a
// plain kind and sound; where it returns 0, `pixels` holding anything, the second is taken.
int emanate_png_decode_plain(const uint8_t *bytes, size_t count, const emanate_image_header *header,
                             const uint8_t *background, uint8_t *pixels);
int emanate_png_decode_by_libpng(const uint8_t *bytes, size_t count, emanate_image_header *header,
                                 const uint8_t *background, uint8_t *pixels);

// One component of a JPEG file, at the resolution it is stored in.
typedef struct {
  uint32_t width, height;         // samples
  size_t row_bytes, offset;       // between lines, and of the first line
  int32_t columns_per_sample, rows_per_sample;  // of the image, 1 or 2
} emanate_jpeg_plane;

typedef struct {
  int32_t components;  // 1: grey, 3: YCbCr
  emanate_jpeg_plane planes[3];
  size_t bytes;  // that all planes take
  char message[EMANATE_MESSAGE_BYTES];
} emanate_jpeg_layout;

// How a JPEG file stores its components. EMANATE_CODEC_UNSUPPORTED where it is neither grey nor YCbCr with whole or
// halved chroma: emanate_image_decode may read it.
int emanate_jpeg_read_layout(const uint8_t *bytes, size_t count, emanate_jpeg_layout *layout);

// Decodes into `levels`, layout->bytes of them; `layout` as emanate_jpeg_read_layout left it. The bytes between a
// line's width and row_bytes mean nothing.
int emanate_jpeg_decode_planes(const uint8_t *bytes, size_t count, emanate_jpeg_layout *layout, uint8_t *levels);

typedef struct {
  uint8_t *bytes;  // to be given to emanate_encoded_free
  size_t count;
  size_t capacity;
  char message[EMANATE_MESSAGE_BYTES];
} emanate_encoded;

// Encodes height x width x channels bytes as a PNG; channels 1 (grey) or 3 (RGB), level 0...9 as zlib's.
int emanate_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int level, emanate_encoded *out);

// The content of a gzip file, or of a plain file as it is, up to `limit` bytes.
int emanate_gunzip(const char *path, size_t limit, emanate_encoded *out);

void emanate_encoded_free(emanate_encoded *out);
