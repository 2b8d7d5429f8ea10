#include <libdeflate.h>
#include <png.h>
#include <stdio.h>
#include <jpeglib.h>

#include "codecs.h"

#define TEXT(x) #x
#define NUMBER(x) TEXT(x)

void emanate_codec_versions(char text[EMANATE_MESSAGE_BYTES]) {
#ifdef LIBJPEG_TURBO_VERSION
  const char *jpeg = "libjpeg-turbo " NUMBER(LIBJPEG_TURBO_VERSION);
#else
  const char *jpeg = "libjpeg " NUMBER(JPEG_LIB_VERSION);
#endif
  snprintf(text, EMANATE_MESSAGE_BYTES, "libpng %s, libdeflate " LIBDEFLATE_VERSION_STRING ", %s",
           png_get_libpng_ver(NULL), jpeg);
}
