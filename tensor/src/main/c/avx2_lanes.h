/* Vectors of 256 bits, for the two files that differ in the dot product only. */
#include <immintrin.h>

#define LANES 8
#define PANELS 1
#define TOKENS 2
#define ALONE 2
#define FLOAT_VECTORS 2
#define FLOAT_TOKENS 6

#define ints __m256i
#define floats __m256
#define LOAD(p) _mm256_loadu_si256((const __m256i *) (p))
#define LOAD_WIDE(p) _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) (p)))
#define BYTES(b) _mm256_set1_epi8((char) (b))
#define AND(a, b) _mm256_and_si256(a, b)
#define OR(a, b) _mm256_or_si256(a, b)
#define XOR(a, b) _mm256_xor_si256(a, b)
#define MAX_INTS(a, b) _mm256_max_epi32(a, b)
#define HIGHEST_INT(v) highest_int(v)
#define SUM_OF_INTS(v) sum_of_ints(v)
#define STORE_BYTES(p, v) store_bytes((__m128i *) (p), v)
#define SUBTRACT_INTS(a, b) _mm256_sub_epi32(a, b)
#define ADD_INTS(a, b) _mm256_add_epi32(a, b)
#define LEFT(v, bits) _mm256_slli_epi16(v, bits)
#define RIGHT(v, bits) _mm256_srli_epi16(v, bits)
#define LEFT_BY(v, bits) _mm256_sll_epi32(v, _mm_cvtsi32_si128(bits))
#define RIGHT_BY(v, bits) _mm256_srl_epi32(v, _mm_cvtsi32_si128(bits))
#define SIGNED_RIGHT_BY(v, bits) _mm256_sra_epi32(v, _mm_cvtsi32_si128(bits))
#define LOOKUP(table, v) _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *) (table))), v)
#define SPREAD_INT(i) _mm256_set1_epi32(i)
#define SPREAD(f) _mm256_set1_ps(f)
#define SPREAD_MEMORY(p) _mm256_set1_epi32(*(const four_bytes *) (p))
#define TO_FLOATS(v) _mm256_cvtepi32_ps(v)
#define AS_FLOATS(v) _mm256_castsi256_ps(v)
#define AS_INTS(v) _mm256_castps_si256(v)
#define ADD_FLOATS(a, b) _mm256_add_ps(a, b)
#define MULTIPLY(a, b) _mm256_mul_ps(a, b)
#define MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#define DIVIDE(a, b) _mm256_div_ps(a, b)
#define WHERE_ABOVE(x, c, a, b) _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, c, _CMP_GT_OQ))
#define LOAD_FLOATS(p) _mm256_loadu_ps(p)
#define STORE_FLOATS(p, v) _mm256_storeu_ps(p, v)
#define STORE_HALVES(p, v) _mm_storeu_si128((__m128i *) (p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT))
#define FROM_HALVES(v) from_halves(v)
#define LOAD_HALVES(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (p)))
#define DOT_MEMORY(type, sum, w, p) DOT(type, sum, w, SPREAD_MEMORY(p))

#define QUERIES 6
#define KEY_VECTORS 2
#define FEW 2
#define LOAD_BF16(p) AS_FLOATS(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *) (p))), 16))
#define LOAD_QUANTS(p) TO_FLOATS(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) (p))))
#define SUBTRACT(a, b) _mm256_sub_ps(a, b)
#define MAX_FLOATS(a, b) _mm256_max_ps(a, b)
#define HIGHEST(v) highest_lane(v)
#define EXP_ENDS(x, y, lowest) \
  _mm256_blendv_ps(_mm256_and_ps(_mm256_cmp_ps(x, lowest, _CMP_NLT_UQ), y), x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q))

__attribute__((target("avx2"))) static inline __attribute__((always_inline)) float highest_lane(floats v) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

__attribute__((target("avx2"))) static inline __attribute__((always_inline)) int highest_int(ints v) {
  __m128i half = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  half = _mm_max_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

__attribute__((target("avx2"))) static inline __attribute__((always_inline)) int sum_of_ints(ints v) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

__attribute__((target("avx2,f16c"))) static inline __attribute__((always_inline)) floats from_halves(ints v) {
  ints halves = _mm256_shuffle_epi8(v, _mm256_set1_epi64x(0x0d0c090805040100)); /* of each 128 bits, in both 64 */
  return _mm256_cvtph_ps(_mm256_castsi256_si128(_mm256_permute4x64_epi64(halves, 0x08)));
}

/* Of lanes that fit into a signed byte. */
__attribute__((target("avx2"))) static inline __attribute__((always_inline)) void store_bytes(__m128i *p, ints v) {
  __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  _mm_storel_epi64(p, _mm_packs_epi16(shorts, shorts));
}
