/* Vectors of 256 bits, for the two files that differ in the dot product only. */
#include <immintrin.h>

#define LANES 8
#define PANELS 1
#define TOKENS 2

#define ints __m256i
#define floats __m256
#define LOAD(p) _mm256_loadu_si256((const __m256i *) (p))
#define LOAD_WIDE(p) _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) (p)))
#define BYTES(b) _mm256_set1_epi8((char) (b))
#define AND(a, b) _mm256_and_si256(a, b)
#define OR(a, b) _mm256_or_si256(a, b)
#define XOR(a, b) _mm256_xor_si256(a, b)
#define MAX_INTS(a, b) _mm256_max_epi32(a, b)
#define LEFT(v, bits) _mm256_slli_epi16(v, bits)
#define RIGHT(v, bits) _mm256_srli_epi16(v, bits)
#define LEFT_BY(v, bits) _mm256_sll_epi32(v, _mm_cvtsi32_si128(bits))
#define RIGHT_BY(v, bits) _mm256_srl_epi32(v, _mm_cvtsi32_si128(bits))
#define SIGNED_RIGHT_BY(v, bits) _mm256_sra_epi32(v, _mm_cvtsi32_si128(bits))
#define LOOKUP(table, v) _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *) (table))), v)
#define SPREAD_INT(i) _mm256_set1_epi32(i)
#define SPREAD(f) _mm256_set1_ps(f)
#define SPREAD_MEMORY(p) _mm256_set1_epi32(*(const int32_t *) (p))
#define TO_FLOATS(v) _mm256_cvtepi32_ps(v)
#define AS_FLOATS(v) _mm256_castsi256_ps(v)
#define MULTIPLY(a, b) _mm256_mul_ps(a, b)
#define MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#define LOAD_FLOATS(p) _mm256_loadu_ps(p)
#define STORE_FLOATS(p, v) _mm256_storeu_ps(p, v)
#define LOAD_HALVES(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (p)))
#define DOT_MEMORY(type, sum, w, p) DOT(type, sum, w, SPREAD_MEMORY(p))
