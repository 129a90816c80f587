/*
 * Attention of a tile to a segment of keys. What is computed, bit for bit, is written in the javadoc of
 * dev.consilium.tensor.Kernels#attend; the layout of a cache block in AttentionShape.java, of a state in
 * AttentionStates.java, of the scratch memory in AttentionMemory.java.
 */
#ifndef CONSILIUM_ATTENTION_H
#define CONSILIUM_ATTENTION_H

#include "consilium_kernels.h"

#define SLOTS 16   /* positions of a cache block */
#define SPAN 64    /* positions after which the maximum may change */
#define SPAN_BLOCKS (SPAN / SLOTS)
#define GROUP 32   /* elements of a head that share a scale */
#define WEIGHT_ROWS 16
#define MAX_HEAD 1024 /* elements; AttentionShape.java refuses larger ones */

/* The order is that of KvDType.java. */
enum cache { CACHE_F32, CACHE_F16, CACHE_BF16, CACHE_Q8_0, CACHES };

/* Consecutive tokens of one sequence, all query heads of some key/value heads, and some positions. */
struct attention {
  enum cache cache;
  int head_dim;
  int value_dim;
  int prefix; /* whether values are the beginnings of keys, and not stored */
  float scale;
  const uint8_t *pool;    /* plus a block's offset: the keys of the first head, or their scales */
  int64_t values_at;      /* from there to the values, if they are stored */
  int kv_heads;
  int64_t kv_head_bytes;  /* from there to the keys of the next head */
  const int64_t *offsets; /* of the blocks of the sequence */
  const uint8_t *query;   /* of the first token, [kv_heads][heads][head_dim] */
  int64_t query_stride;   /* bytes from token to token */
  int tokens;
  int heads;    /* query heads of a key/value head */
  int position; /* of the first token */
  int window;   /* keys that a token sees at most */
  int from;     /* the segment's positions */
  int end;
  float *scratch;
  float *states; /* [kv_heads][tokens][heads] */
};

/* Keys and values of consecutive tokens of one sequence, on their way into its cache. */
struct storing {
  enum cache cache;
  int head_dim;
  int prefix;             /* as above, and so the next five */
  uint8_t *pool;
  int64_t values_at;
  int kv_heads;
  int64_t kv_head_bytes;
  const int64_t *offsets;
  int position; /* of the first token */
  int tokens;
  const float *keys; /* of the first token, [kv_heads][head_dim] */
  const float *values;
  int64_t stride; /* floats from token to token */
};

static inline int cache_bytes(enum cache cache) {
  switch (cache) {
    case CACHE_F32: return 4;
    case CACHE_Q8_0: return 1;
    default: return 2;
  }
}

static inline int padded_dim(int value_dim) { return (value_dim + 15) / 16 * 16; }

static inline int group_count(enum cache cache, int head_dim) { return cache == CACHE_Q8_0 ? (head_dim + GROUP - 1) / GROUP : 0; }

/* The keys before `end` that a token of the tile sees, as far as they are not before `from`. */
static inline int first_key(const struct attention *a, int token, int from) {
  int first = a->position + token + 1 - a->window;
  return first > from ? first : from;
}

static inline int end_key(const struct attention *a, int token, int end) {
  int own = a->position + token + 1;
  return own < end ? own : end;
}

#define KERNELS_OF(level) \
  void attend_##level(const struct attention *a); \
  void finish_##level(int value_dim, int rows, const float *states, float *y); \
  void store_##level(const struct storing *s);
EACH_LEVEL(KERNELS_OF)
#undef KERNELS_OF

#endif
