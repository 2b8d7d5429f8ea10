// JPEG files through the codecs' public header. There is no checksum to mend: libFuzzer's own mutations and
// the dictionary of markers reach the decoder.
#include "image.h"

// Planes as the file stores them: what decodes to pixels decodes to planes, twice into equal samples, and grey
// samples are the pixels.
static void check_planes(const uint8_t *bytes, size_t count) {
  emanate_image_header header;
  emanate_jpeg_layout layout;
  memset(&layout, 0xAA, sizeof layout);
  if (emanate_image_read_header(bytes, count, &header) != EMANATE_CODEC_DONE ||
      header.format != EMANATE_FORMAT_JPEG || header.width > PIXEL_LIMIT / header.height)
    return;
  int status = emanate_jpeg_read_layout(bytes, count, &layout);
  if (status != EMANATE_CODEC_DONE) {
    require_message(layout.message);
    return;
  }
  size_t width = header.width, height = header.height, total = width * height * 3;
  require(layout.components == 1 || layout.components == 3, "there are one or three planes");
  require(layout.planes[0].width == width && layout.planes[0].height == height, "luma has the image's size");
  for (int c = 0; c < layout.components; c++) {
    const emanate_jpeg_plane *plane = layout.planes + c;
    require(plane->row_bytes >= plane->width, "rows do not overlap");
    require(plane->offset + plane->row_bytes * plane->height <= layout.bytes, "planes are inside the block");
  }
  emanate_jpeg_layout again = layout;
  uint8_t *first = malloc(layout.bytes), *second = malloc(layout.bytes), *pixels = malloc(total);
  require(first && second && pixels, "there is memory for the samples");
  memset(first, 0, layout.bytes);
  memset(second, 255, layout.bytes);
  int one = emanate_jpeg_decode_planes(bytes, count, &layout, first);
  int two = emanate_jpeg_decode_planes(bytes, count, &again, second);
  int whole = emanate_image_decode(bytes, count, &header, NULL, pixels);
  require(one == two, "decoding twice gives the same status");
  require((one == EMANATE_CODEC_DONE) == (whole == EMANATE_CODEC_DONE), "planes decode where pixels do");
  if (one != EMANATE_CODEC_DONE) require_message(layout.message);
  for (int c = 0; one == EMANATE_CODEC_DONE && c < layout.components; c++)
    for (size_t y = 0; y < layout.planes[c].height; y++) {
      size_t row = layout.planes[c].offset + y * layout.planes[c].row_bytes;
      require(memcmp(first + row, second + row, layout.planes[c].width) == 0, "every sample is written");
      for (size_t x = 0; layout.components == 1 && x < width; x++)
        require(first[row + x] == pixels[3 * (y * width + x)], "grey samples are the pixels");
    }
  free(first);
  free(second);
  free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  check_image(bytes, count);
  check_planes(bytes, count);
  return 0;
}
