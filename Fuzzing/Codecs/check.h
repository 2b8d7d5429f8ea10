// What the checks of the C codecs share.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codecs.h"

// libFuzzer takes these counters for coverage. The system's libraries are not instrumented; an outcome that was
// not seen before (an error's text, a kind of picture) is what guides it through them.
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t outcomes[4096];

static void note_outcome(const char *text, unsigned kind) {
  uint32_t hash = 2166136261u ^ kind * 0x9E3779B9u;
  for (; *text; text++)
    if (*text < '0' || *text > '9') hash = (hash ^ (uint8_t)*text) * 16777619u;
  outcomes[(hash ^ hash >> 16) % sizeof outcomes] = 1;
}

static void require(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "Does not hold: %s\n", what);
  abort();
}

// After an error there is a text, and it ends inside its buffer.
static void require_message(const char *message) {
  require(memchr(message, 0, EMANATE_MESSAGE_BYTES) != NULL, "the message is terminated");
  require(message[0] != 0, "an error has a message");
}
