/*
 * The loops of attention for every instruction set, included behind tile.h by a file that defines, besides
 *
 *   QUERIES, KEY_VECTORS          the largest tile of scores whose sums fit the registers
 *   FEW                           rows up to which four vectors of values fit instead of two
 *   LOAD_BF16(p), LOAD_QUANTS(p)  f32 from bfloat16, and from signed bytes
 *   SUBTRACT, MAX_FLOATS(a, b)
 *   HIGHEST(v)                    the largest lane
 *   EXP_ENDS(x, y, lowest)        y, but 0 where x < lowest and NaN where x is NaN
 *
 * The rows of a tile (query heads of tokens) are walked in groups of up to QUERIES; the queries of a group lie beside
 * each other, [head_dim][rows]. A span of keys and values is widened once, if there are many groups; for few groups
 * it is widened on its way into the registers.
 */
#include "attention.h"

#define EACH(variable, count) _Pragma("GCC unroll 16") for (int variable = 0; variable < (count); variable++)

/*
 * A span is fetched into the second cache while the one before it is multiplied, and from there, which frees a line buffer sooner than
 * memory does, a few lines before its turn: bytes of keys, and positions of values.
 */
#define SOON 512
#define SOON_VALUES 2

/* Keys and values of 64 positions, by blocks. */
struct span {
  const uint8_t *keys[SPAN_BLOCKS]; /* [head_dim][SLOTS] */
  const uint8_t *values[SPAN_BLOCKS]; /* [SLOTS][padded] */
  const float *key_scales[SPAN_BLOCKS];
  const float *value_scales[SPAN_BLOCKS];
  int64_t ahead[SPAN_BLOCKS]; /* bytes to a block that is needed next, which is fetched meanwhile; or 0 */
};

INLINE floats widened(enum cache cache, const uint8_t *p) {
  switch (cache) {
    case CACHE_F32: return LOAD_FLOATS((const float *) p);
    case CACHE_F16: return LOAD_HALVES(p);
    case CACHE_BF16: return LOAD_BF16(p);
    default: return LOAD_QUANTS(p);
  }
}

/* e^x for x <= 88.72283 or NaN, operation by operation as Exp.java. */
INLINE floats exponential(floats x) {
  floats rounder = SPREAD(0x1.8p23f);
  floats rounded = MULTIPLY_ADD(x, SPREAD(0x1.715476p0f), rounder);
  floats n = SUBTRACT(rounded, rounder);
  floats r = MULTIPLY_ADD(n, SPREAD(-0x1.62e43p-1f), x);
  r = MULTIPLY_ADD(n, SPREAD(0x1.05c61p-29f), r);
  floats q = MULTIPLY_ADD(SPREAD(0x1.6a1a72p-10f), r, SPREAD(0x1.123fc6p-7f));
  q = MULTIPLY_ADD(q, r, SPREAD(0x1.555916p-5f));
  q = MULTIPLY_ADD(q, r, SPREAD(0x1.55548ap-3f));
  q = MULTIPLY_ADD(q, r, SPREAD(0x1.fffffcp-2f));
  floats p = ADD_FLOATS(MULTIPLY_ADD(q, MULTIPLY(r, r), r), SPREAD(1.0f));
  floats y = AS_FLOATS(ADD_INTS(AS_INTS(p), LEFT_BY(AS_INTS(rounded), 23)));
  return EXP_ENDS(x, y, SPREAD(-87.33654f));
}

/* Scores of some rows for KEY_VECTORS vectors of keys from a slot on; q is [head_dim][stride]. */
INLINE void score(enum cache cache, int rows, const struct span *s, int slot, int head_dim, const float *q, int stride, float *scores) {
  const uint8_t *k[KEY_VECTORS];
  int64_t ahead[KEY_VECTORS];
  floats sum[QUERIES][KEY_VECTORS], scale[KEY_VECTORS], key[KEY_VECTORS];
  EACH(v, KEY_VECTORS) {
    int at = slot + v * LANES;
    k[v] = s->keys[at / SLOTS] + at % SLOTS * cache_bytes(cache);
    ahead[v] = s->ahead[at / SLOTS];
    EACH(r, rows) sum[r][v] = SPREAD(0.0f);
  }
  int step = cache == CACHE_Q8_0 ? GROUP : head_dim;
  for (int from = 0; from < head_dim; from += step) {
    int end = least(from + step, head_dim);
    if (cache == CACHE_Q8_0) {
      EACH(v, KEY_VECTORS) {
        int at = slot + v * LANES;
        scale[v] = LOAD_FLOATS(s->key_scales[at / SLOTS] + from / GROUP * SLOTS + at % SLOTS);
      }
    }
    for (int d = from; d < end; d++) {
      EACH(v, KEY_VECTORS) {
        key[v] = widened(cache, k[v]);
        __builtin_prefetch(k[v] + ahead[v], 0, 2);
        __builtin_prefetch(k[v] + SOON, 0, 3);
        k[v] += SLOTS * cache_bytes(cache);
        if (cache == CACHE_Q8_0) key[v] = MULTIPLY(key[v], scale[v]);
      }
      EACH(r, rows) {
        floats element = SPREAD(q[d * stride + r]);
        EACH(v, KEY_VECTORS) sum[r][v] = MULTIPLY_ADD(key[v], element, sum[r][v]);
      }
    }
  }
  EACH(r, rows) {
    EACH(v, KEY_VECTORS) STORE_FLOATS(scores + r * SPAN + slot + v * LANES, sum[r][v]);
  }
}

/* Adds the values of some slots, weighed, to some vectors of the outputs of some rows, from element d on. */
INLINE void add_values(enum cache cache, int rows, int vectors, const struct span *s, int from, int to, int d, int padded, int groups,
                       const float *weights, float *out, int out_stride) {
  floats sum[QUERIES][4], value[4];
  EACH(r, rows) {
    EACH(v, vectors) sum[r][v] = LOAD_FLOATS(out + r * out_stride + d + v * LANES);
  }
  for (int j = from; j < to;) {
    int block = j / SLOTS, end = least(to, (block + 1) * SLOTS);
    int64_t ahead = s->ahead[block];
    for (; j < end; j++) {
      const uint8_t *p = s->values[block] + (int64_t) (j % SLOTS * padded + d) * cache_bytes(cache);
      for (int i = 0; i < vectors * LANES * cache_bytes(cache); i += 64) {
        __builtin_prefetch(p + ahead + i, 0, 2);
        __builtin_prefetch(p + SOON_VALUES * padded * cache_bytes(cache) + i, 0, 3);
      }
      EACH(v, vectors) {
        value[v] = widened(cache, p + v * LANES * cache_bytes(cache));
        if (cache == CACHE_Q8_0) {
          value[v] = MULTIPLY(value[v], SPREAD(s->value_scales[block][j % SLOTS * groups + (d + v * LANES) / GROUP]));
        }
      }
      EACH(r, rows) {
        floats weight = SPREAD(weights[r * SPAN + j]);
        EACH(v, vectors) sum[r][v] = MULTIPLY_ADD(weight, value[v], sum[r][v]);
      }
    }
  }
  EACH(r, rows) {
    EACH(v, vectors) STORE_FLOATS(out + r * out_stride + d + v * LANES, sum[r][v]);
  }
}

/* How many of some rows one tile takes. */
INLINE int piece(int rows) {
  int sizes[] = {12, 8, 6, 4, 2};
  for (int i = 0; i < 5; i++) {
    if (sizes[i] <= QUERIES && sizes[i] <= rows) return sizes[i];
  }
  return 1;
}

#define OF_ROWS(R) \
  case R: \
    if (R <= QUERIES) { BODY(R); } \
    break;
#define BY_ROWS(rows) \
  switch (rows) { OF_ROWS(1) OF_ROWS(2) OF_ROWS(4) OF_ROWS(6) OF_ROWS(8) OF_ROWS(12) default: __builtin_unreachable(); }

/* The scores of a group for the slots from..to-1 and some around them. */
INLINE void scores_of(enum cache cache, const struct span *s, int from, int to, int head_dim, const float *q, int rows, float *scores) {
  int step = KEY_VECTORS * LANES;
  for (int slot = from / step * step; slot < to; slot += step) {
    for (int row = 0, count; row < rows; row += count) {
      count = piece(rows - row);
#define BODY(R) score(cache, R, s, slot, head_dim, q + row, rows, scores + row * SPAN)
      BY_ROWS(count)
#undef BODY
    }
  }
}

INLINE void values_of(enum cache cache, const struct span *s, int from, int to, int padded, int groups, const float *weights, int rows,
                      float *out, int out_stride) {
  for (int row = 0, count; row < rows; row += count) {
    count = piece(rows - row);
    const float *w = weights + row * SPAN;
    float *o = out + row * out_stride;
    int d = 0, step = (count <= FEW ? 4 : 2) * LANES;
    for (; d + step <= padded; d += step) {
#define BODY(R) add_values(cache, R, R <= FEW ? 4 : 2, s, from, to, d, padded, groups, w, o, out_stride)
      BY_ROWS(count)
#undef BODY
    }
    for (; d < padded; d += LANES) {
#define BODY(R) add_values(cache, R, 1, s, from, to, d, padded, groups, w, o, out_stride)
      BY_ROWS(count)
#undef BODY
    }
  }
}

#define BY_CACHE(cache, call) \
  switch (cache) { \
    case CACHE_F32: call(CACHE_F32); break; \
    case CACHE_F16: call(CACHE_F16); break; \
    case CACHE_BF16: call(CACHE_BF16); break; \
    default: call(CACHE_Q8_0); break; \
  }

TARGET static __attribute__((noinline)) void NAMED(scores)(enum cache cache, const struct span *s, int from, int to, int head_dim,
                                                           const float *q, int rows, float *scores) {
#define CALL(C) scores_of(C, s, from, to, head_dim, q, rows, scores)
  BY_CACHE(cache, CALL)
#undef CALL
}

TARGET static __attribute__((noinline)) void NAMED(values)(enum cache cache, const struct span *s, int from, int to, int padded, int groups,
                                                           const float *weights, int rows, float *out, int out_stride) {
#define CALL(C) values_of(C, s, from, to, padded, groups, weights, rows, out, out_stride)
  BY_CACHE(cache, CALL)
#undef CALL
}

/* Turns the scores of a row into weights, those outside from..to-1 into 0, and adds them to the sum of its state. */
INLINE void weigh(float *scores, int from, int to, float *state, int padded) {
  int low = from / SLOTS * SLOTS, high = (to + SLOTS - 1) / SLOTS * SLOTS;
  for (int i = low; i < from; i++) scores[i] = -__builtin_inff();
  for (int i = to; i < high; i++) scores[i] = -__builtin_inff();
  float *lanes = state + padded, *maximum = lanes + SLOTS;
  floats most = SPREAD(*maximum);
  for (int i = low; i < high; i += LANES) most = MAX_FLOATS(LOAD_FLOATS(scores + i), most);
  float highest = HIGHEST(most);
  if (highest != *maximum) {
    floats factor = exponential(SPREAD(*maximum - highest));
    for (int i = 0; i < padded + SLOTS; i += LANES) STORE_FLOATS(state + i, MULTIPLY(LOAD_FLOATS(state + i), factor));
    *maximum = highest;
  }
  floats shift = SPREAD(highest);
  for (int lane = 0; lane < SLOTS; lane += LANES) {
    floats sum = LOAD_FLOATS(lanes + lane);
    for (int i = low + lane; i < high; i += SLOTS) {
      floats weight = exponential(SUBTRACT(LOAD_FLOATS(scores + i), shift));
      STORE_FLOATS(scores + i, weight);
      sum = ADD_FLOATS(sum, weight);
    }
    STORE_FLOATS(lanes + lane, sum);
  }
}

INLINE int state_floats(const struct attention *a) { return padded_dim(a->value_dim) + 2 * SLOTS; }

/* A group of rows, starting at one: whole tokens, or equal parts of the heads of one. */
INLINE int group_rows(const struct attention *a, int row) {
  if (a->heads <= QUERIES) return least(QUERIES / a->heads * a->heads, a->tokens * a->heads - row);
  int parts = (a->heads + QUERIES - 1) / QUERIES, size = (a->heads + parts - 1) / parts;
  return least(size, a->heads - row % a->heads);
}

/* Returns the number of groups. */
INLINE int pack_queries(const struct attention *a, float *into) {
  int groups = 0;
  for (int row = 0, count; row < a->tokens * a->heads; row += count, groups++) {
    count = group_rows(a, row);
    for (int r = 0; r < count; r++) {
      const float *q = (const float *) (a->query + (row + r) / a->heads * a->query_stride) + (row + r) % a->heads * a->head_dim;
      for (int d = 0; d < a->head_dim; d++) into[d * count + r] = q[d] * a->scale;
    }
    into += count * a->head_dim;
  }
  return groups;
}

INLINE void widen_plain(enum cache cache, const uint8_t *p, int n, float *into) {
  for (int i = 0; i < n; i += LANES) STORE_FLOATS(into + i, widened(cache, p + i * cache_bytes(cache)));
}

/* Replaces the keys of a block by a copy in f32. */
INLINE void widen_keys(const struct attention *a, struct span *s, int block) {
  int n = SLOTS * a->head_dim;
  float *keys = a->scratch + block * n;
  switch (a->cache) {
    case CACHE_F32: return;
    case CACHE_F16: widen_plain(CACHE_F16, s->keys[block], n, keys); break;
    case CACHE_BF16: widen_plain(CACHE_BF16, s->keys[block], n, keys); break;
    default:
      for (int i = 0; i < n; i += LANES) {
        floats scale = LOAD_FLOATS(s->key_scales[block] + i / (SLOTS * GROUP) * SLOTS + i % SLOTS);
        STORE_FLOATS(keys + i, MULTIPLY(LOAD_QUANTS(s->keys[block] + i), scale));
      }
  }
  s->keys[block] = (const uint8_t *) keys;
}

/* Makes values of the keys of a block, which are f32. */
INLINE void turn_keys(const struct attention *a, struct span *s, int block) {
  int padded = padded_dim(a->value_dim);
  const float *keys = (const float *) s->keys[block];
  float *values = a->scratch + SPAN * a->head_dim + block * SLOTS * padded;
  for (int d = 0; d < a->value_dim; d++) {
    for (int slot = 0; slot < SLOTS; slot++) values[slot * padded + d] = keys[d * SLOTS + slot];
  }
  s->values[block] = (const uint8_t *) values;
}

/* Replaces the values of a block by a copy in f32. */
INLINE void widen_values(const struct attention *a, struct span *s, int block) {
  int padded = padded_dim(a->value_dim), groups = group_count(a->cache, a->head_dim);
  float *values = a->scratch + SPAN * a->head_dim + block * SLOTS * padded;
  switch (a->cache) {
    case CACHE_F16: widen_plain(CACHE_F16, s->values[block], SLOTS * padded, values); break;
    case CACHE_BF16: widen_plain(CACHE_BF16, s->values[block], SLOTS * padded, values); break;
    default:
      for (int slot = 0; slot < SLOTS; slot++) {
        for (int d = 0; d < padded; d += LANES) {
          floats scale = SPREAD(s->value_scales[block][slot * groups + d / GROUP]);
          STORE_FLOATS(values + slot * padded + d, MULTIPLY(LOAD_QUANTS(s->values[block] + slot * padded + d), scale));
        }
      }
  }
  s->values[block] = (const uint8_t *) values;
}

/* Replaces a block of a span by what can be walked as f32. */
INLINE void widen_block(const struct attention *a, struct span *s, int block) {
  widen_keys(a, s, block);
  if (a->prefix) {
    turn_keys(a, s, block);
  } else {
    widen_values(a, s, block);
  }
}

/*
 * Bytes from a block to the one that takes its place in the next span of the positions first..end-1, or, if there is
 * none, in the first span of the next head, or, behind the last head, in the segment behind this one, whose turn it
 * often is; 0 if there is none either. Heads before this one: `done`.
 */
INLINE int64_t ahead_of(const struct attention *a, int block, int first, int end, int done) {
  int next = block + SPAN_BLOCKS, again = first / SPAN * SPAN_BLOCKS + block % SPAN_BLOCKS;
  if (next * SLOTS < end) return a->offsets[next] - a->offsets[block];
  if (a->kv_heads > 1) return again < first / SLOTS || again * SLOTS >= end ? 0 : a->offsets[again] + a->kv_head_bytes - a->offsets[block];
  return next * SLOTS < a->position + a->tokens ? a->offsets[next] - done * a->kv_head_bytes - a->offsets[block] : 0;
}

/* Finds the blocks of the span from `start` on that hold the positions from..to-1; the others get the place of the first. */
INLINE void locate(const struct attention *a, int start, int from, int to, struct span *s) {
  int scales = group_count(a->cache, a->head_dim) * SLOTS * (int) sizeof(float);
  int first = (from - start) / SLOTS, last = (to - 1 - start) / SLOTS;
  for (int i = 0; i < SPAN_BLOCKS; i++) {
    int block = (i < first || i > last ? from : start + i * SLOTS) / SLOTS;
    const uint8_t *keys = a->pool + a->offsets[block], *values = keys + a->values_at;
    s->key_scales[i] = (const float *) keys;
    s->value_scales[i] = (const float *) values;
    s->keys[i] = keys + scales;
    s->values[i] = values + scales;
    s->ahead[i] = 0;
  }
}

INLINE void attend_group(const struct attention *a, enum cache cache, const struct span *s, int start, int row, int rows, const float *q) {
  int padded = padded_dim(a->value_dim), groups = group_count(a->cache, a->head_dim), stride = state_floats(a);
  float *weights = a->scratch + SPAN * (a->head_dim + padded), *states = a->states + row * stride;
  int first = row / a->heads, last = (row + rows - 1) / a->heads;
  int from = first_key(a, first, start) - start, to = end_key(a, last, start + SPAN) - start;
  if (from >= to) return;
  NAMED(scores)(cache, s, from, to, a->head_dim, q, rows, weights);
  int same = 1;
  for (int r = 0; r < rows; r++) {
    int token = (row + r) / a->heads;
    int own_from = first_key(a, token, start) - start, own_to = end_key(a, token, start + SPAN) - start;
    same &= own_from == from && own_to == to;
    if (own_from < own_to) weigh(weights + r * SPAN, own_from, own_to, states + r * stride, padded);
  }
  for (int r = 0, count; r < rows; r += count) {
    int token = (row + r) / a->heads;
    count = same ? rows : least((token + 1) * a->heads - row, rows) - r;
    int own_from = first_key(a, token, start) - start, own_to = end_key(a, token, start + SPAN) - start;
    NAMED(values)(cache, s, own_from, own_to, padded, groups, weights + r * SPAN, count, states + r * stride, stride);
  }
}

/* One key/value head, the first of those that are left, behind those that are done. */
INLINE void attend_head(const struct attention *a, int done) {
  int padded = padded_dim(a->value_dim), rows = a->tokens * a->heads, stride = state_floats(a);
  float *queries = a->scratch + SPAN * (a->head_dim + padded) + WEIGHT_ROWS * SPAN;
  memset(a->states, 0, (size_t) rows * stride * sizeof(float));
  for (int row = 0; row < rows; row++) a->states[row * stride + padded + SLOTS] = -__builtin_inff();
  int widen = (pack_queries(a, queries) > 2 && a->cache != CACHE_F32) || a->prefix;
  int first = first_key(a, 0, a->from), end = end_key(a, a->tokens - 1, a->end);
  for (int start = first / SPAN * SPAN; start < end; start += SPAN) {
    int from = first > start ? first : start, to = least(end, start + SPAN);
    struct span s;
    locate(a, start, from, to, &s);
    if (widen) {
      for (int block = (from - start) / SLOTS; block <= (to - 1 - start) / SLOTS; block++) widen_block(a, &s, block);
      for (int block = 0; block < SPAN_BLOCKS; block++) {
        if (block < (from - start) / SLOTS || block > (to - 1 - start) / SLOTS) s.keys[block] = s.keys[(from - start) / SLOTS];
      }
    } else {
      for (int block = from / SLOTS; block <= (to - 1) / SLOTS; block++) s.ahead[block % SPAN_BLOCKS] = ahead_of(a, block, first, end, done);
    }
    const float *q = queries;
    for (int row = 0, count; row < rows; row += count) {
      count = group_rows(a, row);
      attend_group(a, widen ? CACHE_F32 : a->cache, &s, start, row, count, q);
      q += count * a->head_dim;
      memset(s.ahead, 0, sizeof s.ahead);
    }
  }
}

TARGET void NAMED(attend)(const struct attention *of) {
  struct attention a = *of;
  for (; a.kv_heads > 0; a.kv_heads--) {
    attend_head(&a, of->kv_heads - a.kv_heads);
    a.pool += a.kv_head_bytes;
    a.query += a.heads * a.head_dim * sizeof(float);
    a.states += a.tokens * a.heads * state_floats(&a);
  }
}

/* Of a vector of ROWS, the upper half added to the lower until one is left; changes the lanes. */
INLINE float sum_of_lanes(float *lanes) {
  for (int distance = ROWS / 2; distance > 0; distance /= 2) {
    for (int i = 0; i < distance; i++) lanes[i] += lanes[i + distance];
  }
  return lanes[0];
}

/* Kernels#finishRows. */
TARGET void NAMED(finish)(int value_dim, int rows, const float *states, float *y) {
  int padded = padded_dim(value_dim), whole = value_dim / LANES * LANES;
  for (; rows > 0; rows--, states += padded + 2 * SLOTS, y += value_dim) {
    float lanes[SLOTS];
    memcpy(lanes, states + padded, sizeof lanes);
    float factor = 1.0f / sum_of_lanes(lanes);
    for (int d = 0; d < whole; d += LANES) STORE_FLOATS(y + d, MULTIPLY(LOAD_FLOATS(states + d), SPREAD(factor)));
    for (int d = whole; d < value_dim; d++) y[d] = states[d] * factor;
  }
}
