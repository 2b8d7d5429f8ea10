// Marks a function whose loops are compiled once per instruction set; the loader picks the version at start.
#pragma once
#if defined(__x86_64__) && defined(__ELF__)
#define VECTORIZED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
// The same for a function that has another form for where em_has_wide_registers().
#define NARROW_REGISTERS __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define VECTORIZED
#define NARROW_REGISTERS
#endif
// Marks a function that is only called where em_has_wide_registers(): one version, for thirty-two wide registers.
#if defined(__x86_64__)
#define WIDE_REGISTERS __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#else
#define WIDE_REGISTERS
#endif
