/* x86-64 with AVX2 and no dot product of bytes. */
#include "consilium_kernels.h"

#if defined(__x86_64__)
#include "avx2_lanes.h"

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define NAMED(name) name##_avx2

/*
 * Products of an unsigned and a signed byte are added in pairs in 16 bits, which saturate: two products of quants of
 * 6 bits fit. Those of 8 bits come signed, and their signs are moved to the activations.
 */
#define SIGNED_BYTES 1
TARGET static inline __attribute__((always_inline)) __m256i add_dot(enum type type, __m256i sum, __m256i w, __m256i x) {
  __m256i pairs = type == Q8_0 ? _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w)) : _mm256_maddubs_epi16(w, x);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#define DOT(type, sum, w, x) (sum) = add_dot(type, sum, w, x)

#include "tile.h"
#include "attention_tile.h"
#include "rows.h"
#include "float_tile.h"
#endif
