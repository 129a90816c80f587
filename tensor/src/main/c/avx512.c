/* x86-64 with AVX-512 and its dot products of bytes. */
#include "consilium_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define NAMED(name) name##_avx512_vnni
#define LANES 16
#define PANELS 2
#define TOKENS 6
#define ALONE 12
#define FLOAT_VECTORS 4
#define FLOAT_TOKENS 6

#define ints __m512i
#define floats __m512
#define LOAD(p) _mm512_loadu_si512(p)
#define LOAD_WIDE(p) _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *) (p)))
#define BYTES(b) _mm512_set1_epi8((char) (b))
#define AND(a, b) _mm512_and_si512(a, b)
#define OR(a, b) _mm512_or_si512(a, b)
#define XOR(a, b) _mm512_xor_si512(a, b)
#define MAX_INTS(a, b) _mm512_max_epi32(a, b)
#define HIGHEST_INT(v) _mm512_reduce_max_epi32(v)
#define SUM_OF_INTS(v) _mm512_reduce_add_epi32(v)
#define STORE_BYTES(p, v) _mm_storeu_si128((__m128i *) (p), _mm512_cvtepi32_epi8(v))
#define SUBTRACT_INTS(a, b) _mm512_sub_epi32(a, b)
#define ADD_INTS(a, b) _mm512_add_epi32(a, b)
#define LEFT(v, bits) _mm512_slli_epi16(v, bits)
#define RIGHT(v, bits) _mm512_srli_epi16(v, bits)
#define LEFT_BY(v, bits) _mm512_sll_epi32(v, _mm_cvtsi32_si128(bits))
#define RIGHT_BY(v, bits) _mm512_srl_epi32(v, _mm_cvtsi32_si128(bits))
#define SIGNED_RIGHT_BY(v, bits) _mm512_sra_epi32(v, _mm_cvtsi32_si128(bits))
#define LOOKUP(table, v) _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *) (table))), v)
#define SPREAD_INT(i) _mm512_set1_epi32(i)
#define SPREAD(f) _mm512_set1_ps(f)
#define SPREAD_MEMORY(p) _mm512_set1_epi32(*(const four_bytes *) (p))
#define SIGNED_BYTES 0
#define TO_FLOATS(v) _mm512_cvtepi32_ps(v)
#define AS_FLOATS(v) _mm512_castsi512_ps(v)
#define AS_INTS(v) _mm512_castps_si512(v)
#define ADD_FLOATS(a, b) _mm512_add_ps(a, b)
#define MULTIPLY(a, b) _mm512_mul_ps(a, b)
#define MULTIPLY_ADD(a, b, c) _mm512_fmadd_ps(a, b, c)
#define DIVIDE(a, b) _mm512_div_ps(a, b)
#define WHERE_ABOVE(x, c, a, b) _mm512_mask_mov_ps(b, _mm512_cmp_ps_mask(x, c, _CMP_GT_OQ), a)
#define LOAD_FLOATS(p) _mm512_loadu_ps(p)
#define STORE_FLOATS(p, v) _mm512_storeu_ps(p, v)
#define STORE_HALVES(p, v) _mm256_storeu_si256((__m256i *) (p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT))
#define FROM_HALVES(v) _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v))
#define LOAD_HALVES(p) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) (p)))

#define QUERIES 12
#define KEY_VECTORS 2
#define FEW 4
#define LOAD_BF16(p) AS_FLOATS(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) (p))), 16))
#define LOAD_QUANTS(p) TO_FLOATS(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) (p))))
#define SUBTRACT(a, b) _mm512_sub_ps(a, b)
#define MAX_FLOATS(a, b) _mm512_max_ps(a, b)
#define HIGHEST(v) _mm512_reduce_max_ps(v)
#define EXP_ENDS(x, y, lowest) \
  _mm512_mask_mov_ps(_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, lowest, _CMP_NLT_UQ), y), _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x)

/* As assembly, because some compilers copy the sums around the intrinsic. */
#define DOT(type, sum, w, x) __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x))
#define DOT_MEMORY(type, sum, w, p) \
  __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*(const four_bytes *) (p)))

#include "tile.h"
#include "attention_tile.h"
#include "rows.h"
#include "float_tile.h"
#include "amx_tile.h"
#endif
