// Vector loops with run-time choice of instruction set. One header for Swift; one C file per family.
#pragma once
#include "images.h"

// Tells the processor that this thread only waits.
static inline void em_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#include "bfloat16.h"
#include "convolution.h"
#include "training.h"
