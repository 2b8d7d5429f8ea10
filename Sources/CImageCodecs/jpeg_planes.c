// JPEG through libjpeg as the file stores it: planes of luma and chroma, before upsampling and conversion to
// RGB.
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include "internal.h"
#include "jpeg_errors.h"
#include "jpeg_scans.h"

enum { MOST_LINES = 2 * DCTSIZE };  // of a plane in a row of blocks, with factors up to 2

// Grey, or YCbCr whose chroma has half or all of the luma's lines and columns.
static int is_planar(const struct jpeg_decompress_struct *decoder) {
  const jpeg_component_info *luma = decoder->comp_info;
  if (luma->h_samp_factor > 2 || luma->v_samp_factor > 2) return 0;
  if (decoder->num_components == 1) return decoder->jpeg_color_space == JCS_GRAYSCALE;
  if (decoder->num_components != 3 || decoder->jpeg_color_space != JCS_YCbCr) return 0;
  for (int c = 0; c < 3; c++) {
    const jpeg_component_info *plane = luma + c;
    if (luma->h_samp_factor % plane->h_samp_factor != 0 || luma->v_samp_factor % plane->v_samp_factor != 0)
      return 0;
  }
  // libjpeg smooths no chroma of less than three columns.
  return luma[1].h_samp_factor == luma[2].h_samp_factor && luma[1].v_samp_factor == luma[2].v_samp_factor &&
         (luma[1].h_samp_factor == luma[0].h_samp_factor || decoder->image_width > 4);
}

static void describe(const struct jpeg_decompress_struct *decoder, emanate_jpeg_layout *layout) {
  layout->components = decoder->num_components;
  layout->bytes = 0;
  for (int c = 0; c < decoder->num_components; c++) {
    const jpeg_component_info *info = decoder->comp_info + c;
    emanate_jpeg_plane *plane = layout->planes + c;
    int across = decoder->max_h_samp_factor / info->h_samp_factor;
    int down = decoder->max_v_samp_factor / info->v_samp_factor;
    plane->columns_per_sample = across;
    plane->rows_per_sample = down;
    plane->width = (decoder->image_width + across - 1) / across;
    plane->height = (decoder->image_height + down - 1) / down;
    // Whole blocks are written, and blocks that pad the last unit.
    size_t block = (size_t)DCTSIZE * info->h_samp_factor;
    plane->row_bytes = (plane->width + block - 1) / block * block;
    plane->offset = layout->bytes;
    layout->bytes += plane->row_bytes * plane->height;
  }
}

static void open_file(struct jpeg_decompress_struct *decoder, const uint8_t *bytes, size_t count) {
  jpeg_create_decompress(decoder);
  jpeg_mem_src(decoder, bytes, count);
  jpeg_read_header(decoder, TRUE);
}

int emanate_jpeg_read_layout(const uint8_t *bytes, size_t count, emanate_jpeg_layout *layout) {
  struct jpeg_decompress_struct decoder;
  error_manager errors;
  memset(layout, 0, sizeof *layout);
  set_errors(&decoder, &errors, layout->message);
  if (setjmp(errors.jump)) {
    jpeg_destroy_decompress(&decoder);
    return EMANATE_CODEC_CORRUPT;
  }
  open_file(&decoder, bytes, count);
  int status = EMANATE_CODEC_UNSUPPORTED;
  if (is_planar(&decoder)) {
    describe(&decoder, layout);
    status = EMANATE_CODEC_DONE;
  } else {
    emanate_say(layout->message, "neither grey nor YCbCr with whole or halved chroma");
  }
  jpeg_destroy_decompress(&decoder);
  return status;
}

int emanate_jpeg_decode_planes(
    const uint8_t *bytes, size_t count, emanate_jpeg_layout *layout, uint8_t *levels) {
  struct jpeg_decompress_struct decoder;
  struct jpeg_progress_mgr progress;
  error_manager errors;
  set_errors(&decoder, &errors, layout->message);
  if (setjmp(errors.jump)) {
    jpeg_destroy_decompress(&decoder);
    return EMANATE_CODEC_CORRUPT;
  }
  open_file(&decoder, bytes, count);
  limit_scans(&decoder, &progress);
  decoder.raw_data_out = TRUE;
  decoder.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&decoder);
  emanate_jpeg_layout found;
  memset(&found, 0, sizeof found);
  describe(&decoder, &found);
  if (!is_planar(&decoder) || found.bytes != layout->bytes || found.components != layout->components) {
    emanate_say(layout->message, "the size is not the one read before");
    jpeg_destroy_decompress(&decoder);
    return EMANATE_CODEC_CORRUPT;
  }
  // The last row of blocks may reach below the image: its lines go where nobody looks.
  size_t widest = 0;
  for (int c = 0; c < found.components; c++)
    if (found.planes[c].row_bytes > widest) widest = found.planes[c].row_bytes;
  JSAMPARRAY below =
      decoder.mem->alloc_sarray((j_common_ptr)&decoder, JPOOL_IMAGE, (JDIMENSION)widest, 1);
  JSAMPROW rows[3][MOST_LINES];
  JSAMPARRAY planes[3] = {rows[0], rows[1], rows[2]};
  JDIMENSION lines = (JDIMENSION)(decoder.max_v_samp_factor * DCTSIZE);
  while (decoder.output_scanline < decoder.output_height) {
    for (int c = 0; c < found.components; c++) {
      const emanate_jpeg_plane *plane = found.planes + c;
      size_t first = decoder.output_scanline / plane->rows_per_sample, tall = lines / plane->rows_per_sample;
      for (size_t i = 0; i < tall; i++)
        rows[c][i] = first + i < plane->height ? levels + plane->offset + (first + i) * plane->row_bytes
                                               : below[0];
    }
    jpeg_read_raw_data(&decoder, planes, lines);
  }
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return EMANATE_CODEC_DONE;
}
