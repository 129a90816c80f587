/* x86-64 with AVX2 and the 256-bit dot product of bytes, without AVX-512. */
#include "consilium_kernels.h"

#if defined(__x86_64__)
#include "avx2_lanes.h"

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define NAMED(name) name##_avx_vnni

/* As assembly, so that compilers that do not know the instruction set can build the rest. */
#define SIGNED_BYTES 0
#define DOT(type, sum, w, x) __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(w), "x"(x))

#include "tile.h"
#include "attention_tile.h"
#include "rows.h"
#include "float_tile.h"
#endif
