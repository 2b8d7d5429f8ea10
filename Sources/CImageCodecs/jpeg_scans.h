// A limit on the scans of a JPEG file. A file of some hundred kilobytes may hold thousands of them, each of
// which sweeps over all coefficients and so costs as much as a picture. Encoders write about ten.
#pragma once
#include <stdio.h>
#include <jpeglib.h>

#include <jerror.h>

enum { MOST_SCANS = 100, TOO_MANY_SCANS = 1000 };

static inline void check_scans(j_common_ptr decoder) {
  if (((j_decompress_ptr)decoder)->input_scan_number > MOST_SCANS) ERREXIT1(decoder, TOO_MANY_SCANS, MOST_SCANS);
}

// Makes more scans an error of `decoder`; `progress` lives as long as it.
static inline void limit_scans(j_decompress_ptr decoder, struct jpeg_progress_mgr *progress) {
  static const char *const words[] = {"more than %d scans"};
  decoder->err->addon_message_table = words;
  decoder->err->first_addon_message = decoder->err->last_addon_message = TOO_MANY_SCANS;
  *progress = (struct jpeg_progress_mgr){.progress_monitor = check_scans};
  decoder->progress = progress;
}
