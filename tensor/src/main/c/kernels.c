/* What the library offers: which instruction sets the machine has, and every kernel by one of them. */
#include "attention.h"
#include "consilium_kernels.h"

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define TILE_CONFIG_AND_DATA (3 << 17) /* of the state that the system saves */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

#define EXPORT __attribute__((visibility("default")))

/* Calls a kernel by the name of its instruction set and returns 0, or -1 if the library has none. */
#if defined(__x86_64__)
#define BY_LEVEL(level, kernel, ...) \
  switch (level) { \
    case AVX2: kernel##_avx2(__VA_ARGS__); return 0; \
    case AVX_VNNI: kernel##_avx_vnni(__VA_ARGS__); return 0; \
    case AVX512_VNNI: case AMX_INT8: case AVX512_ONE_STREAM: kernel##_avx512_vnni(__VA_ARGS__); return 0; \
    default: return -1; \
  }
#elif defined(__aarch64__)
#define BY_LEVEL(level, kernel, ...) \
  switch (level) { \
    case NEON_DOT: kernel##_neon_dot(__VA_ARGS__); return 0; \
    default: return -1; \
  }
#else
#define BY_LEVEL(level, kernel, ...) return -1;
#endif

#if defined(__x86_64__) && defined(__linux__)
/* Whether there is a tile unit that this process may use, which it has to ask for. */
static int may_use_tiles(void) {
  unsigned a, b, c, d, state, high;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (~d & (1 << 24 | 1 << 25))) return 0;
  __asm__("xgetbv" : "=a"(state), "=d"(high) : "c"(0));
  return !(~state & TILE_CONFIG_AND_DATA) && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#endif

/* Bits of enum level. */
EXPORT int consilium_levels(void) {
  int levels = 0;
#if defined(__x86_64__)
  unsigned a, b, c, d;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C)) {
    levels |= 1 << AVX2;
    /* The system saves these registers: the check for avx2 has looked. */
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1 << 4)) levels |= 1 << AVX_VNNI;
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vnni")) {
      levels |= 1 << AVX512_VNNI | 1 << AVX512_ONE_STREAM;
      if (__builtin_cpu_is("amd")) levels |= READS_ONE_STREAM; /* measured on Zen 5 */
#if defined(__linux__)
      if (may_use_tiles()) levels |= 1 << AMX_INT8;
#endif
    }
  }
#elif defined(__aarch64__) && defined(__linux__)
  if (getauxval(AT_HWCAP) & 1 << 20) levels |= 1 << NEON_DOT; /* HWCAP_ASIMDDP */
#elif defined(__aarch64__) && defined(__APPLE__)
  levels |= 1 << NEON_DOT;
#endif
  return levels;
}

/* n is a multiple of 32. */
EXPORT int consilium_quantise(int level, const uint8_t *x, int64_t x_at, int n, uint8_t *into, int64_t into_at) {
  BY_LEVEL(level, quantise, (const float *) (x + x_at), n, (struct block *) (into + into_at))
}

EXPORT int consilium_rms_norm(int level, const uint8_t *x, int64_t x_at, int count, int n, const uint8_t *weight, int64_t weight_at, float epsilon,
                              uint8_t *y, int64_t y_at) {
  BY_LEVEL(level, rms_norm, (const float *) (x + x_at), count, n, (const float *) (weight + weight_at), epsilon, (float *) (y + y_at))
}

/* One export for all operations: it takes a JVM more time to link a function than to start with its code. */
EXPORT int consilium_elements(int level, int operation, float factor, const uint8_t *a, int64_t a_at, const uint8_t *b, int64_t b_at, int n, uint8_t *y,
                              int64_t y_at) {
  BY_LEVEL(level, elements, (enum operation) operation, factor, (const float *) (a + a_at), (const float *) (b + b_at), n, (float *) (y + y_at))
}

EXPORT int consilium_rotate(int level, uint8_t *x, int64_t x_at, int count, int64_t distance_bytes, int half, const uint8_t *cos_sin, int64_t cos_sin_at) {
  BY_LEVEL(level, rotate, (float *) (x + x_at), count, distance_bytes / (int64_t) sizeof(float), half, (const float *) (cos_sin + cos_sin_at))
}

/*
 * 16 stored rows for each panel, of types without blocks 64. Returns the first row with a scale, or a weight of such a type, that is infinite, NaN or too
 * large, or -1.
 */
EXPORT int consilium_pack(int type, const uint8_t *rows, int columns, uint8_t *panels, int count, int64_t panel_bytes,
                          int64_t header_bytes) {
  if (type >= F32) return pack_float_panels((enum float_type) type, rows, columns, panels, count);
  return pack_panels((enum type) type, rows, columns, panels, count, panel_bytes, header_bytes);
}

/* Sizes are the caller's duty, as everywhere. */
EXPORT int consilium_multiply(int level, int type, const uint8_t *weights, int64_t weights_at, int64_t panel_bytes,
                       int64_t header_bytes, int blocks, int panels, const uint8_t *activations, const uint8_t *offsets,
                       int64_t offsets_at, int64_t version, int tokens, uint8_t *y, int64_t y_at, int64_t y_stride_bytes, int rows) {
  struct product p = {
    weights + weights_at, panel_bytes, header_bytes, blocks, panels, activations, (const int64_t *) (offsets + offsets_at), version, tokens,
    (float *) (y + y_at), y_stride_bytes / (int64_t) sizeof(float), rows, level == AVX512_ONE_STREAM,
  };
  if (type < 0 || type > F16 || tokens > MAX_TOKENS) return -1;
  if (type >= F32) { BY_LEVEL(level, multiply_floats, (enum float_type) type, &p) }
#if defined(__x86_64__) && defined(__linux__)
  if (level == AMX_INT8) {
    multiply_amx_int8(type, &p);
    return 0;
  }
#endif
  BY_LEVEL(level, multiply, type, &p)
}

/* keys_at is where the keys of the first head start in the pool for a block with offset 0. */
EXPORT int consilium_attend(int level, int cache, int head_dim, int value_dim, int prefix, float scale, const uint8_t *pool, int64_t keys_at, int64_t values_at,
                            int kv_heads, int64_t kv_head_bytes, const uint8_t *offsets, const uint8_t *query, int64_t query_at, int64_t query_stride, int tokens, int heads,
                            int position, int window, int from, int end, uint8_t *scratch, uint8_t *states, int64_t states_at) {
  struct attention a = {
    (enum cache) cache, head_dim, value_dim, prefix, scale, pool + keys_at, values_at, kv_heads, kv_head_bytes, (const int64_t *) offsets, query + query_at, query_stride, tokens, heads,
    position, window, from, end, (float *) scratch, (float *) (states + states_at),
  };
  if (cache < 0 || cache >= CACHES) return -1;
  BY_LEVEL(level, attend, &a)
}

EXPORT int consilium_finish(int level, int value_dim, int rows, const uint8_t *states, int64_t states_at, uint8_t *y, int64_t y_at) {
  BY_LEVEL(level, finish, value_dim, rows, (const float *) (states + states_at), (float *) (y + y_at))
}

/* keys_at as above, in the cache. */
EXPORT int consilium_store(int level, int cache, int head_dim, int prefix, uint8_t *pool, int64_t keys_at, int64_t values_at, int kv_heads,
                           int64_t kv_head_bytes, const uint8_t *offsets, int position, int tokens, const uint8_t *source,
                           int64_t source_keys_at, int64_t source_values_at, int64_t source_stride) {
  struct storing s = {
    (enum cache) cache, head_dim, prefix, pool + keys_at, values_at, kv_heads, kv_head_bytes, (const int64_t *) offsets, position, tokens,
    (const float *) (source + source_keys_at), (const float *) (source + source_values_at), source_stride / (int64_t) sizeof(float),
  };
  if (cache < 0 || cache >= CACHES || head_dim > MAX_HEAD) return -1;
  BY_LEVEL(level, store, &s)
}

/* Returns 0. An address without memory is passed over. */
EXPORT int consilium_read_ahead(int64_t from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch((const uint8_t *) (intptr_t) (from + i), 0, 3);
  return 0;
}
