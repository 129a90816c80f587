/*
 * Products of weights and activations. What is computed, bit for bit, is written in the javadoc of
 * dev.consilium.tensor.Kernels#multiply and #multiplyQuantised; the layouts are those of PackedMatrix, QuantLayout and QuantBlock.
 *
 * A panel of quantised weights has 16 rows: its scales, then its quants, `quant_bytes` of them for each block of 32 columns. A block of
 * activations is one cache line. A panel of types without blocks has 64 rows.
 */
#ifndef CONSILIUM_KERNELS_H
#define CONSILIUM_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define ROWS 16
#define BLOCK 32

/* Of a panel of types without blocks. */
#define FLOAT_ROWS 64

/* Tokens of one call of the library, at most. Known to NativeLibrary.java. */
#define MAX_TOKENS 128

/* The order is known to NativeLibrary.java. */
enum type { Q8_0, Q4_0, Q5_0, Q4_K, Q5_K, Q6_K, MXFP4, TYPES };

/* Types without blocks. Known to NativeLibrary.java. */
enum float_type { F32 = TYPES, BF16, F16 };

/*
 * What the machine has and this process may use: bits of consilium_levels(). AVX512_ONE_STREAM are the instructions of
 * AVX512_VNNI, for few tokens panel after panel. Known to NativeLibrary.java.
 */
enum level { AVX2, AVX_VNNI, AVX512_VNNI, AMX_INT8, NEON_DOT, AVX512_ONE_STREAM };

/* Beside them: the machine reads memory faster in one stream than in two. */
#define READS_ONE_STREAM (1 << 16)

/* Four bytes of another type. */
typedef int32_t __attribute__((may_alias)) four_bytes;

struct block {
  int8_t q[BLOCK];
  float scale;
  float minimum;     /* -(scale * sum of q) */
  int32_t offset8;   /* -8 * sum of q */
  int32_t offset12;
  int32_t offset16;
  int32_t offset128;
  int32_t offset32[2]; /* -32 * sum of the first and of the last 16 q */
};

/* Some panels, one after another, times some tokens. */
struct product {
  const uint8_t *weights; /* the first panel */
  int64_t panel_bytes;
  int64_t header_bytes; /* of a panel: where its quants start */
  int blocks;           /* of 32 columns; without blocks: columns */
  int panels;
  const uint8_t *activations; /* blocks, or floats for types without */
  const int64_t *offsets; /* of the tokens, in activations */
  int64_t version; /* of activations and offsets: while it is the same they have not changed; 0: nobody knows */
  int tokens;
  float *y;         /* [tokens][y_stride] */
  int64_t y_stride; /* floats */
  int rows;         /* that exist, from the first panel on */
  int one_stream;   /* whether few tokens may take one panel after the other instead of two at a time */
};

/* Of elements, see rows.h. Known to NativeLibrary.java. */
enum operation { SILU_MULTIPLY, ADD, SCALE, FMA };

static inline int quant_bytes(enum type type) {
  switch (type) {
    case Q8_0: return 512;
    case Q5_0: case Q5_K: return 320;
    case Q6_K: return 384;
    default: return 256;
  }
}

static inline const struct block *blocks_of(const struct product *p, int token) {
  return (const struct block *) (p->activations + p->offsets[token]);
}

int pack_panels(enum type type, const uint8_t *rows, int columns, uint8_t *panels, int count, int64_t panel_bytes, int64_t header_bytes);
int pack_float_panels(enum float_type type, const uint8_t *rows, int columns, uint8_t *panels, int count);

#define EACH_LEVEL(of) of(avx2) of(avx_vnni) of(avx512_vnni) of(neon_dot)
#define KERNELS_OF(level) \
  void multiply_##level(enum type type, const struct product *p); \
  void multiply_floats_##level(enum float_type type, const struct product *p); \
  void quantise_##level(const float *x, int n, struct block *into); \
  void rms_norm_##level(const float *x, int count, int n, const float *weight, float epsilon, float *y); \
  void elements_##level(enum operation operation, float factor, const float *a, const float *b, int n, float *y); \
  void rotate_##level(float *x, int count, int64_t distance, int half, const float *cos_sin);
EACH_LEVEL(KERNELS_OF)
#undef KERNELS_OF

void multiply_amx_int8(enum type type, const struct product *p);

#endif
