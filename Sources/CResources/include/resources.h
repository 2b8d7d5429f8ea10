#pragma once

#include <stddef.h>

/// A file that is part of the program.
struct emanate_resource {
  const char *_Nonnull name;
  const unsigned char *_Nonnull bytes;
  size_t count;
};

/// How many there are.
int emanate_resource_count(void);

/// The file at an index below the count.
struct emanate_resource emanate_resource_at(int index);
