// libjpeg's errors as a jump and a message. To be included after jpeglib.h.
#pragma once
#include <setjmp.h>

#include <jerror.h>

#include "internal.h"

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf jump;
  char *message;
} error_manager;

static void fail(j_common_ptr decoder) {
  error_manager *errors = (error_manager *)decoder->err;
  char text[JMSG_LENGTH_MAX];
  errors->base.format_message(decoder, text);
  emanate_say(errors->message, text);
  longjmp(errors->jump, 1);
}

// libjpeg warns and goes on with grey or garbage where data are missing; here that is an error.
static void warn(j_common_ptr decoder, int level) {
  if (level >= 0) return;
  switch (decoder->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_ARITH_BAD_CODE: fail(decoder); break;
    default: decoder->err->num_warnings++;  // extra bytes between markers and the like lose no pixel
  }
}

static void print_nothing(j_common_ptr decoder) { (void)decoder; }

static void set_errors(struct jpeg_decompress_struct *decoder, error_manager *errors, char *message) {
  decoder->err = jpeg_std_error(&errors->base);
  errors->base.error_exit = fail;
  errors->base.emit_message = warn;
  errors->base.output_message = print_nothing;
  errors->message = message;
}
