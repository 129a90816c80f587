/* arm64 with dot products of bytes. */
#include "consilium_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#if defined(__clang__)
#define TARGET __attribute__((target("dotprod")))
#else
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#define NAMED(name) name##_neon_dot
#define LANES 4
#define PANELS 1
#define TOKENS 3
#define ALONE 3
#define FLOAT_VECTORS 4
#define FLOAT_TOKENS 6

#define ints int32x4_t
#define floats float32x4_t
#define FROM_BYTES(v) vreinterpretq_s32_u8(v)
#define FROM_SHORTS(v) vreinterpretq_s32_u16(v)
#define FROM_WORDS(v) vreinterpretq_s32_u32(v)
#define AS_BYTES(v) vreinterpretq_u8_s32(v)
#define AS_SIGNED(v) vreinterpretq_s8_s32(v)
#define AS_SHORTS(v) vreinterpretq_u16_s32(v)
#define AS_WORDS(v) vreinterpretq_u32_s32(v)
#define LOAD(p) FROM_BYTES(vld1q_u8((const uint8_t *) (p)))
#define LOAD_WIDE(p) FROM_WORDS(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8((uint32_t) *(const four_bytes *) (p))))))
#define BYTES(b) FROM_BYTES(vdupq_n_u8(b))
#define AND(a, b) vandq_s32(a, b)
#define OR(a, b) vorrq_s32(a, b)
#define XOR(a, b) veorq_s32(a, b)
#define MAX_INTS(a, b) vmaxq_s32(a, b)
#define HIGHEST_INT(v) vmaxvq_s32(v)
#define SUM_OF_INTS(v) vaddvq_s32(v)
#define STORE_BYTES(p, v) store_bytes(p, v)
#define SUBTRACT_INTS(a, b) vsubq_s32(a, b)
#define ADD_INTS(a, b) vaddq_s32(a, b)
#define LEFT(v, bits) FROM_SHORTS(vshlq_u16(AS_SHORTS(v), vdupq_n_s16(bits)))
#define RIGHT(v, bits) FROM_SHORTS(vshlq_u16(AS_SHORTS(v), vdupq_n_s16(-(bits))))
#define LEFT_BY(v, bits) vshlq_s32(v, vdupq_n_s32(bits))
#define RIGHT_BY(v, bits) FROM_WORDS(vshlq_u32(AS_WORDS(v), vdupq_n_s32(-(bits))))
#define SIGNED_RIGHT_BY(v, bits) vshlq_s32(v, vdupq_n_s32(-(bits)))
#define LOOKUP(table, v) vreinterpretq_s32_s8(vqtbl1q_s8(vld1q_s8(table), AS_BYTES(v)))
#define SPREAD_INT(i) vdupq_n_s32(i)
#define SPREAD(f) vdupq_n_f32(f)
#define SPREAD_MEMORY(p) vld1q_dup_s32((const four_bytes *) (p))
#define SIGNED_BYTES 1
#define DOT(type, sum, w, x) (sum) = vdotq_s32(sum, AS_SIGNED(w), AS_SIGNED(x))
#define DOT_MEMORY(type, sum, w, p) DOT(type, sum, w, SPREAD_MEMORY(p))
#define TO_FLOATS(v) vcvtq_f32_s32(v)
#define AS_FLOATS(v) vreinterpretq_f32_s32(v)
#define AS_INTS(v) vreinterpretq_s32_f32(v)
#define ADD_FLOATS(a, b) vaddq_f32(a, b)
#define MULTIPLY(a, b) vmulq_f32(a, b)
#define MULTIPLY_ADD(a, b, c) vfmaq_f32(c, a, b)
#define DIVIDE(a, b) vdivq_f32(a, b)
#define WHERE_ABOVE(x, c, a, b) vbslq_f32(vcgtq_f32(x, c), a, b)
#define LOAD_FLOATS(p) vld1q_f32(p)
#define STORE_FLOATS(p, v) vst1q_f32(p, v)
#define STORE_HALVES(p, v) vst1_f16((__fp16 *) (p), vcvt_f16_f32(v))
#define LOAD_HALVES(p) vcvt_f32_f16(vld1_f16((const __fp16 *) (p)))
#define FROM_HALVES(v) vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(AS_WORDS(v))))

#define QUERIES 6
#define KEY_VECTORS 4
#define FEW 4
#define LOAD_BF16(p) vreinterpretq_f32_u32(vshll_n_u16(vld1_u16((const uint16_t *) (p)), 16))
#define LOAD_QUANTS(p) vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(*(const uint32_t *) (p))))))
#define SUBTRACT(a, b) vsubq_f32(a, b)
#define MAX_FLOATS(a, b) vmaxq_f32(a, b)
#define HIGHEST(v) vmaxvq_f32(v)
#define EXP_ENDS(x, y, lowest) vbslq_f32(vmvnq_u32(vceqq_f32(x, x)), x, vbslq_f32(vcltq_f32(x, lowest), vdupq_n_f32(0), y))

static inline __attribute__((always_inline)) void store_bytes(int8_t *p, ints v) {
  int16x4_t shorts = vmovn_s32(v);
  vst1_lane_s32((four_bytes *) p, vreinterpret_s32_s8(vmovn_s16(vcombine_s16(shorts, shorts))), 0);
}

#include "tile.h"
#include "attention_tile.h"
#include "rows.h"
#include "float_tile.h"
#endif
