// JPEG files through the codecs' public header. There is no checksum to mend: libFuzzer's own mutations and
// the dictionary of markers reach the decoder.
#include "image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  check_image(bytes, count);
  return 0;
}
