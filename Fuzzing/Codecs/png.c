// PNG files through the codecs' public header, by a mutator that knows chunks.
//
// A changed byte in a PNG chunk fails its checksum, and a changed byte of compressed rows fails zlib's: plain
// mutations hardly get past either. So chunks are mutated and their checksums made again, and rows are
// mutated uncompressed.
#include <zlib.h>

#include "image.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t count, size_t most);

enum { SIGNATURE = 8, AROUND = 12, MOST_CHUNKS = 64, MOST_ROWS = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  check_image(bytes, count);
  return 0;
}

// A chunk's place: its length, four letters, `length` bytes and a checksum.
typedef struct {
  size_t at, length;
} chunk;

static uint32_t random_from(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

static uint32_t get32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

static void put32(uint8_t *p, uint32_t value) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(value >> (24 - 8 * i));
}

// The whole chunks from the signature on; damaged ends are left out.
static size_t find_chunks(const uint8_t *bytes, size_t count, chunk chunks[MOST_CHUNKS]) {
  size_t found = 0, at = SIGNATURE;
  while (found < MOST_CHUNKS && at + AROUND <= count) {
    size_t length = get32(bytes + at);
    if (length > count - at - AROUND) break;
    chunks[found++] = (chunk){at, length};
    at += length + AROUND;
  }
  return found;
}

static void mend_checksum(uint8_t *bytes, chunk c) {
  put32(bytes + c.at + 8 + c.length, (uint32_t)crc32(0, bytes + c.at + 4, (uInt)c.length + 4));
}

// Puts `with` in place of `old` bytes at `at`; the new count, or 0 where there is no room.
static size_t replace(
    uint8_t *bytes, size_t count, size_t most, size_t at, size_t old, const uint8_t *with, size_t length) {
  if (count - old + length > most) return 0;
  memmove(bytes + at + length, bytes + at + old, count - at - old);
  if (length) memcpy(bytes + at, with, length);
  return count - old + length;
}

// A picture of few pixels of any kind: allowed pairs of depth and colour and others, interlaced or not.
static void mutate_header(uint8_t *data, uint32_t *state) {
  static const uint8_t kinds[15][2] = {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {16, 0}, {8, 2}, {16, 2}, {1, 3},
                                       {2, 3}, {4, 3}, {8, 3}, {8, 4}, {16, 4}, {8, 6}, {16, 6}};
  uint32_t choice = random_from(state);
  if (choice & 1) put32(data + (choice & 2 ? 4 : 0), random_from(state) % (choice & 4 ? 40 : 600));
  if (choice & 8) memcpy(data + 8, kinds[random_from(state) % 15], 2);
  if (choice & 16) data[12] ^= 1;
  if (!(choice & 25)) LLVMFuzzerMutate(data, 13, 13);
}

// Mutates the content of one chunk, which may change its length.
static size_t mutate_content(uint8_t *bytes, size_t count, size_t most, chunk c, uint32_t *state) {
  if (memcmp(bytes + c.at + 4, "IHDR", 4) == 0 && c.length == 13) {
    mutate_header(bytes + c.at + 8, state);
    mend_checksum(bytes, c);
    return count;
  }
  size_t room = c.length + 64;
  uint8_t *content = malloc(room);
  memcpy(content, bytes + c.at + 8, c.length);
  size_t length = LLVMFuzzerMutate(content, c.length, room);
  size_t grown = replace(bytes, count, most, c.at + 8, c.length, content, length);
  free(content);
  if (!grown) return 0;
  c.length = length;
  put32(bytes + c.at, (uint32_t)length);
  mend_checksum(bytes, c);
  return grown;
}

// Inflates the rows of all IDAT chunks, mutates them and writes them as one chunk or two.
static size_t mutate_rows(
    uint8_t *bytes, size_t count, size_t most, const chunk *chunks, size_t found, uint32_t *state) {
  static uint8_t packed[MOST_ROWS + 1024], rows[MOST_ROWS];
  size_t gathered = 0, first = 0;
  for (size_t i = found; i-- > 0;)
    if (memcmp(bytes + chunks[i].at + 4, "IDAT", 4) == 0) first = chunks[i].at;
  for (size_t i = 0; i < found; i++) {
    if (memcmp(bytes + chunks[i].at + 4, "IDAT", 4) != 0) continue;
    if (gathered + chunks[i].length > sizeof packed) return 0;
    memcpy(packed + gathered, bytes + chunks[i].at + 8, chunks[i].length);
    gathered += chunks[i].length;
  }
  z_stream stream = {.next_in = packed, .avail_in = (uInt)gathered, .next_out = rows, .avail_out = MOST_ROWS};
  if (!first || inflateInit(&stream) != Z_OK) return 0;
  inflate(&stream, Z_FINISH);
  size_t length = stream.total_out;
  inflateEnd(&stream);

  length = LLVMFuzzerMutate(rows, length, sizeof rows);
  uLongf size = sizeof packed;
  if (compress2(packed, &size, rows, length, random_from(state) & 1 ? 1 : 0) != Z_OK) return 0;
  for (size_t i = found; i-- > 0;)
    if (memcmp(bytes + chunks[i].at + 4, "IDAT", 4) == 0)
      count = replace(bytes, count, most, chunks[i].at, chunks[i].length + AROUND, NULL, 0);
  size_t cut = random_from(state) % 4 ? size : random_from(state) % (size + 1);
  size_t parts[2] = {cut, size - cut}, from = 0, at = first;
  for (int part = 0; part < 2; part++) {
    if (part == 1 && parts[part] == 0) break;
    uint8_t around[AROUND] = {0, 0, 0, 0, 'I', 'D', 'A', 'T'};
    put32(around, (uint32_t)parts[part]);
    size_t grown = replace(bytes, count, most, at, 0, around, AROUND);
    if (grown) grown = replace(bytes, grown, most, at + 8, 0, packed + from, parts[part]);
    if (!grown) return 0;
    count = grown;
    mend_checksum(bytes, (chunk){at, parts[part]});
    at += parts[part] + AROUND;
    from += parts[part];
  }
  return count;
}

// Takes a chunk out, doubles it at another place, or puts in a small one of a kind the reader looks at.
static size_t mutate_order(
    uint8_t *bytes, size_t count, size_t most, const chunk *chunks, size_t found, uint32_t *state) {
  static const char names[8][5] = {"PLTE", "tRNS", "eXIf", "IDAT", "IEND", "gAMA", "iCCP", "sBIT"};
  chunk one = chunks[random_from(state) % found], other = chunks[random_from(state) % found];
  size_t whole = one.length + AROUND;
  uint8_t block[AROUND + 768];
  switch (random_from(state) % 3) {
    case 0: return replace(bytes, count, most, one.at, whole, NULL, 0);
    case 1: {
      if (whole > sizeof block) return 0;
      memcpy(block, bytes + one.at, whole);
      return replace(bytes, count, most, other.at, 0, block, whole);
    }
    default: {
      size_t length = random_from(state) % (random_from(state) & 1 ? 769 : 7);
      put32(block, (uint32_t)length);
      memcpy(block + 4, names[random_from(state) % 8], 4);
      for (size_t i = 0; i < length; i++) block[8 + i] = (uint8_t)random_from(state);
      mend_checksum(block, (chunk){0, length});
      return replace(bytes, count, most, other.at, 0, block, length + AROUND);
    }
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t count, size_t most, unsigned seed) {
  chunk chunks[MOST_CHUNKS];
  uint32_t state = seed;
  size_t found = find_chunks(bytes, count, chunks), mutated = 0;
  if (found == 0 || random_from(&state) % 16 == 0) return LLVMFuzzerMutate(bytes, count, most);
  uint8_t *copy = malloc(most);
  memcpy(copy, bytes, count);
  switch (random_from(&state) % 8) {
    case 0:
    case 1: mutated = mutate_order(copy, count, most, chunks, found, &state); break;
    case 2:
    case 3:
    case 4: mutated = mutate_rows(copy, count, most, chunks, found, &state); break;
    default: mutated = mutate_content(copy, count, most, chunks[random_from(&state) % found], &state);
  }
  if (mutated) memcpy(bytes, copy, mutated);
  free(copy);
  return mutated ? mutated : LLVMFuzzerMutate(bytes, count, most);
}
