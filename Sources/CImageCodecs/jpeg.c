// JPEG through libjpeg with Pillow's settings: accurate integer DCT, smooth chroma upsampling.
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "internal.h"
#include "jpeg_errors.h"
#include "jpeg_scans.h"

int emanate_jpeg_header(const uint8_t *bytes, size_t count, emanate_image_header *header) {
  struct jpeg_decompress_struct decoder;
  error_manager errors;
  set_errors(&decoder, &errors, header->message);
  if (setjmp(errors.jump)) {
    jpeg_destroy_decompress(&decoder);
    int code = errors.base.msg_code;
    return code == JERR_BAD_PRECISION || code == JERR_SOF_UNSUPPORTED ? EMANATE_CODEC_UNSUPPORTED
                                                                      : EMANATE_CODEC_CORRUPT;
  }
  jpeg_create_decompress(&decoder);
  jpeg_save_markers(&decoder, JPEG_APP0 + 1, 0xFFFF);
  jpeg_mem_src(&decoder, bytes, count);
  jpeg_read_header(&decoder, TRUE);
  header->width = decoder.image_width;
  header->height = decoder.image_height;
  for (jpeg_saved_marker_ptr marker = decoder.marker_list; marker; marker = marker->next)
    if (marker->data_length > 6 && memcmp(marker->data, "Exif\0\0", 6) == 0) {
      header->orientation = emanate_exif_orientation(marker->data + 6, marker->data_length - 6);
      break;
    }
  int components = decoder.num_components;
  jpeg_destroy_decompress(&decoder);
  if (components == 1 || components == 3 || components == 4) return EMANATE_CODEC_DONE;
  snprintf(header->message, sizeof header->message, "a JPEG file of %d components; 1, 3 or 4 are read",
           components);
  return EMANATE_CODEC_UNSUPPORTED;
}

// Grey levels stand in the last third of the row.
static void expand_gray(uint8_t *row, size_t width) {
  for (size_t x = 0; x < width; x++) {
    uint8_t level = row[2 * width + x];
    row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = level;
  }
}

// Pillow reads four components as Adobe writes them, inverted, and converts c to k' - c k' / 255, rounded,
// with k' = 255 - k (its CMYK;I mode and cmyk2rgb).
static void expand_cmyk(const uint8_t *inks, uint8_t *row, size_t width) {
  for (size_t x = 0; x < width; x++) {
    int light = inks[4 * x + 3];
    for (int c = 0; c < 3; c++) {
      int product = (255 - inks[4 * x + c]) * light + 128;
      row[3 * x + c] = (uint8_t)(light - (((product >> 8) + product) >> 8));
    }
  }
}

int emanate_jpeg_decode(const uint8_t *bytes, size_t count, emanate_image_header *header, uint8_t *pixels) {
  struct jpeg_decompress_struct decoder;
  error_manager errors;
  set_errors(&decoder, &errors, header->message);
  if (setjmp(errors.jump)) {
    jpeg_destroy_decompress(&decoder);
    return EMANATE_CODEC_CORRUPT;
  }
  jpeg_create_decompress(&decoder);
  struct jpeg_progress_mgr progress;
  limit_scans(&decoder, &progress);
  jpeg_mem_src(&decoder, bytes, count);
  jpeg_read_header(&decoder, TRUE);
  int components = decoder.num_components;
  decoder.out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  decoder.dct_method = JDCT_ISLOW;
  decoder.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&decoder);
  size_t width = header->width;
  if (decoder.output_width != width || decoder.output_height != header->height)
    ERREXIT(&decoder, JERR_BAD_STATE);
  JSAMPARRAY inks = components == 4 ? decoder.mem->alloc_sarray(
                                          (j_common_ptr)&decoder, JPOOL_IMAGE, (JDIMENSION)(4 * width), 1)
                                    : NULL;
  while (decoder.output_scanline < decoder.output_height) {
    uint8_t *row = pixels + (size_t)decoder.output_scanline * width * 3;
    JSAMPROW target = components == 4 ? inks[0] : components == 1 ? row + 2 * width : row;
    jpeg_read_scanlines(&decoder, &target, 1);
    if (components == 1) expand_gray(row, width);
    if (components == 4) expand_cmyk(inks[0], row, width);
  }
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return EMANATE_CODEC_DONE;
}
