// Gzip files, as Fashion-MNIST comes in them. The reader takes a path, so the bytes stand in a file in memory.
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

enum { BYTE_LIMIT = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  int file = memfd_create("gzip", 0);
  require(file >= 0 && write(file, bytes, count) == (ssize_t)count, "a file in memory takes the input");
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  emanate_encoded first, second;
  int one = emanate_gunzip(path, BYTE_LIMIT, &first), two = emanate_gunzip(path, BYTE_LIMIT, &second);
  require(one == two && first.count == second.count, "reading twice gives the same");
  require(first.count <= BYTE_LIMIT, "no more bytes than the limit");
  require(first.count == 0 || memcmp(first.bytes, second.bytes, first.count) == 0,
          "reading twice gives the same bytes");
  if (one != EMANATE_CODEC_DONE) require_message(first.message);
  note_outcome(one == EMANATE_CODEC_DONE ? "" : first.message, (unsigned)one);
  emanate_encoded_free(&first);
  emanate_encoded_free(&second);
  close(file);
  return 0;
}
