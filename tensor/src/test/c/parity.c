/*
 * Prints a line for each of many small products, of attention to many small caches, and of rows stored in such: what they are, and a hash of the results. Built
 * for two machines it must print the same on both. Takes the best instruction set of the machine.
 */
#include "attention.h"
#include "consilium_kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int consilium_levels(void);
int consilium_quantise(int level, const uint8_t *x, int64_t x_at, int n, uint8_t *into, int64_t into_at);
int consilium_pack(int type, const uint8_t *rows, int columns, uint8_t *panels, int count, int64_t panel_bytes, int64_t header_bytes);
int consilium_multiply(int level, int type, const uint8_t *weights, int64_t weights_at, int64_t panel_bytes, int64_t header_bytes, int blocks,
                       int panels, const uint8_t *activations, const uint8_t *offsets, int64_t offsets_at, int64_t version, int tokens, uint8_t *y,
                       int64_t y_at, int64_t y_stride_bytes, int rows);
int consilium_attend(int level, int cache, int head_dim, int value_dim, int prefix, float scale, const uint8_t *pool, int64_t keys_at,
                     int64_t values_at, int kv_heads, int64_t kv_head_bytes, const uint8_t *offsets, const uint8_t *query, int64_t query_at,
                     int64_t query_stride, int tokens, int heads, int position, int window, int from, int end, uint8_t *scratch, uint8_t *states, int64_t states_at);

int consilium_rms_norm(int level, const uint8_t *x, int64_t x_at, int count, int n, const uint8_t *weight, int64_t weight_at, float epsilon,
                       uint8_t *y, int64_t y_at);
int consilium_rotate(int level, uint8_t *x, int64_t x_at, int count, int64_t distance_bytes, int half, const uint8_t *cos_sin, int64_t cos_sin_at);
int consilium_elements(int level, int operation, float factor, const uint8_t *a, int64_t a_at, const uint8_t *b, int64_t b_at, int n, uint8_t *y, int64_t y_at);
int consilium_finish(int level, int value_dim, int rows, const uint8_t *states, int64_t states_at, uint8_t *y, int64_t y_at);
int consilium_store(int level, int cache, int head_dim, int prefix, uint8_t *pool, int64_t keys_at, int64_t values_at, int kv_heads,
                    int64_t kv_head_bytes, const uint8_t *offsets, int position, int tokens, const uint8_t *source, int64_t source_keys_at,
                    int64_t source_values_at, int64_t source_stride);

static const int block_bytes[] = {34, 18, 22, 144, 176, 210, 17}, block_columns[] = {32, 32, 32, 256, 256, 256, 32};
static const int scale_bytes[] = {32, 32, 32, 256, 256, 288, 16};

static uint64_t seed;

static uint64_t draw(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

static float draw_float(void) { return (float) ((int64_t) (draw() >> 32) - (1ll << 31)) / 1e9f; }

static void *zeros(int64_t bytes) {
  int64_t rounded = (bytes + 63) / 64 * 64;
  void *memory = aligned_alloc(64, rounded);
  if (!memory) abort();
  return memset(memory, 0, rounded);
}

/* Of the bits; any NaN is like any other. */
static uint64_t hash(const float *values, int64_t n) {
  uint64_t sum = 1469598103934665603ull;
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits = 0x7fc00000;
    if (values[i] == values[i]) memcpy(&bits, values + i, sizeof bits);
    sum = (sum ^ bits) * 1099511628211ull;
  }
  return sum;
}

static void product(int level, int type, int columns, int rows, int tokens) {
  int panels = (rows + ROWS - 1) / ROWS, blocks = columns / BLOCK;
  int64_t row_bytes = (int64_t) columns / block_columns[type] * block_bytes[type];
  int64_t header_bytes = ((int64_t) columns / block_columns[type] * scale_bytes[type] + 63) / 64 * 64;
  int64_t panel_bytes = header_bytes + (int64_t) blocks * quant_bytes(type), token_bytes = (int64_t) blocks * sizeof(struct block);
  uint8_t *stored = zeros(panels * ROWS * row_bytes), *packed = zeros(panels * panel_bytes), *activations = zeros(tokens * token_bytes);
  float *x = zeros((int64_t) tokens * columns * 4), *y = zeros((int64_t) tokens * rows * 4);
  int64_t offsets[MAX_TOKENS];
  /* Without one of the bits that an infinite scale has, whichever bytes are one. */
  for (int64_t i = 0; i < rows * row_bytes; i++) stored[i] = draw() & ~(type == MXFP4 ? 0x40 : 4 << draw() % 5);
  for (int64_t i = 0; i < (int64_t) tokens * columns; i++) x[i] = draw_float();
  if (tokens == 3) x[33 % columns] = 1e30f;
  if (tokens == 4) x[5] = NAN;
  for (int t = 0; t < tokens; t++) {
    offsets[t] = (tokens - 1 - t) * token_bytes;
    consilium_quantise(level, (uint8_t *) x, 4ll * t * columns, columns, activations, offsets[t]);
  }
  int wrong = consilium_pack(type, stored, columns, packed, panels, panel_bytes, header_bytes);
  int failed = consilium_multiply(level, type, packed, 0, panel_bytes, header_bytes, blocks, panels, activations, (uint8_t *) offsets, 0, 0,
                                  tokens, (uint8_t *) y, 0, 4ll * rows, rows);
  printf("product %d of %d x %d, %d tokens: %d %d %016llx\n", type, rows, columns, tokens, wrong, failed,
         (unsigned long long) hash(y, (int64_t) tokens * rows));
  free(stored), free(packed), free(activations), free(x), free(y);
}

/* Keys or values of one block: scales, if there are any, then numbers. */
static void fill(enum cache cache, uint8_t *part, int groups, int n) {
  for (int i = 0; i < groups * SLOTS; i++) ((float *) part)[i] = fabsf(draw_float()) / 100;
  part += (int64_t) groups * SLOTS * 4;
  for (int i = 0; i < n; i++) {
    float value = draw_float();
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t narrow = cache == CACHE_BF16 ? bits >> 16 : (bits & 0x8000) | (0x2c00 + bits % 0x1400); /* a binary16 of 1/16 to 2 */
    switch (cache) {
      case CACHE_F32: memcpy(part + 4 * i, &value, 4); break;
      case CACHE_Q8_0: part[i] = (uint8_t) bits; break;
      default: memcpy(part + 2 * i, &narrow, 2);
    }
  }
}

static void attention(int level, enum cache cache, int head_dim, int heads, int kv_heads, int prefix) {
  int value_dim = prefix ? (head_dim * 3 + 3) / 4 : head_dim, padded = (value_dim + 15) / 16 * 16;
  int groups = cache == CACHE_Q8_0 ? (head_dim + GROUP - 1) / GROUP : 0, tokens = 1 + draw() % 8, position = draw() % 300;
  int window = draw() % 3 ? 1 << 20 : 1 + draw() % 90, blocks = (position + tokens + SLOTS - 1) / SLOTS;
  int64_t key_bytes = ((int64_t) groups * 64 + SLOTS * head_dim * cache_bytes(cache) + 63) / 64 * 64;
  int64_t value_bytes = prefix ? 0 : ((int64_t) groups * 64 + SLOTS * padded * cache_bytes(cache) + 63) / 64 * 64;
  int64_t of_head = key_bytes + value_bytes, of_block = kv_heads * of_head, state = padded + 2 * SLOTS;
  int64_t rows = (int64_t) kv_heads * tokens * heads;
  uint8_t *pool = zeros(blocks * of_block);
  int64_t *offsets = zeros(blocks * 8);
  for (int i = 0; i < blocks; i++) {
    offsets[i] = (blocks - 1 - i) * of_block;
    for (int head = 0; head < kv_heads; head++) {
      fill(cache, pool + offsets[i] + head * of_head, groups, SLOTS * head_dim);
      if (!prefix) fill(cache, pool + offsets[i] + head * of_head + key_bytes, groups, SLOTS * padded);
    }
  }
  float *query = zeros(rows * head_dim * 4), *states = zeros(rows * state * 4);
  for (int64_t i = 0; i < rows * head_dim; i++) query[i] = draw_float();
  uint8_t *scratch = zeros(4ll * (SPAN * (head_dim + padded) + WEIGHT_ROWS * SPAN + tokens * heads * head_dim));
  int failed = consilium_attend(level, cache, head_dim, value_dim, prefix, 0.25f, pool, 0, key_bytes, kv_heads, of_head, (uint8_t *) offsets,
                                (uint8_t *) query, 0, 4ll * kv_heads * heads * head_dim, tokens, heads, position, window, 0, 512, scratch, (uint8_t *) states, 0);
  uint64_t sum = 0;
  for (int64_t row = 0; row < rows; row++) {
    sum = sum * 31 + hash(states + row * state, value_dim) + hash(states + row * state + padded, SLOTS + 1);
  }
  float *results = zeros(rows * value_dim * 4);
  failed |= consilium_finish(level, value_dim, rows, (uint8_t *) states, 0, (uint8_t *) results, 0);
  sum = sum * 31 + hash(results, rows * value_dim);
  printf("attention %d, %d times %d heads of %d, prefix %d: %d %016llx\n", cache, kv_heads, heads, head_dim, prefix, failed, (unsigned long long) sum);
  free(pool), free(offsets), free(query), free(states), free(scratch), free(results);
}

/* Norm and rotary embedding of some heads of some tokens, which are then stored. */
static void rows(int level, enum cache cache, int head_dim) {
  int kv_heads = 1 + draw() % 3, tokens = 1 + draw() % 30, position = draw() % 20, heads = 2 * kv_heads, width = heads * head_dim;
  int padded = (head_dim + 15) / 16 * 16, groups = cache == CACHE_Q8_0 ? (head_dim + GROUP - 1) / GROUP : 0;
  int64_t key_bytes = ((int64_t) groups * 64 + SLOTS * head_dim * cache_bytes(cache) + 63) / 64 * 64;
  int64_t of_head = ((int64_t) groups * 64 + SLOTS * padded * cache_bytes(cache) + 63) / 64 * 64 + key_bytes;
  int64_t pool_bytes = 4 * kv_heads * of_head, offsets[4];
  for (int i = 0; i < 4; i++) offsets[i] = (3 - i) * kv_heads * of_head;
  uint8_t *pool = zeros(pool_bytes);
  float *x = zeros(4ll * tokens * width), *weight = zeros(4ll * head_dim), *angles = zeros(4ll * head_dim);
  for (int i = 0; i < tokens * width; i++) x[i] = draw_float();
  for (int i = 0; i < head_dim; i++) weight[i] = draw_float(), angles[i] = draw_float();
  int failed = 0;
  for (int t = 0; t < tokens; t++) {
    uint8_t *row = (uint8_t *) (x + t * width);
    failed |= consilium_rms_norm(level, row, 0, heads, head_dim, (uint8_t *) weight, 0, 1e-6f, row, 0);
    failed |= consilium_rotate(level, row, 0, heads, 4ll * head_dim, head_dim / 2, (uint8_t *) angles, 0);
  }
  uint64_t sum = hash(x, tokens * width);
  /* Numbers beyond what a cache holds, and none at all. */
  for (int i = 0; i < tokens * width; i++) x[i] *= draw() % 9 ? 1 : draw() % 2 ? 1e5f : draw() % 2 ? 1e38f : draw() % 9 ? 1e-6f : NAN;
  failed |= consilium_store(level, cache, head_dim, 0, pool, 0, key_bytes, kv_heads, of_head, (uint8_t *) offsets, position, tokens,
                            (uint8_t *) x, 0, 2ll * width, 4ll * width);
  for (int64_t i = 0; i < pool_bytes; i++) sum = (sum ^ pool[i]) * 1099511628211ull;
  printf("rows %d, %d heads of %d, %d tokens: %d %016llx\n", cache, heads, head_dim, tokens, failed, (unsigned long long) sum);
  free(pool), free(x), free(weight), free(angles);
}

/* Of panels of floating point weights. */
static void float_product(int level, int type, int columns, int rows, int tokens) {
  int panels = (rows + FLOAT_ROWS - 1) / FLOAT_ROWS, size = type == F32 ? 4 : 2;
  int64_t panel_bytes = (int64_t) FLOAT_ROWS * columns * size, bytes = panels * panel_bytes;
  uint8_t *stored = zeros(bytes), *packed = zeros(bytes);
  float *x = zeros(4ll * tokens * columns), *y = zeros(4ll * tokens * rows);
  int64_t offsets[MAX_TOKENS];
  for (int64_t i = 0; i < bytes; i++) stored[i] = draw() & ~0x40; /* below 2 */
  for (int i = 0; i < tokens * columns; i++) x[i] = draw_float();
  for (int t = 0; t < tokens; t++) offsets[t] = 4ll * (tokens - 1 - t) * columns;
  int wrong = consilium_pack(type, stored, columns, packed, panels, panel_bytes, 0);
  int failed = consilium_multiply(level, type, packed, 0, panel_bytes, 0, columns, panels, (uint8_t *) x, (uint8_t *) offsets, 0, 0, tokens,
                                  (uint8_t *) y, 0, 4ll * rows, rows);
  printf("product %d of %d x %d, %d tokens: %d %d %016llx %016llx\n", type, rows, columns, tokens, wrong, failed,
         (unsigned long long) hash((float *) packed, bytes / 4), (unsigned long long) hash(y, tokens * rows));
  free(stored), free(packed), free(x), free(y);
}

/* From where e^-gate is 0 to where it is infinite, and no number. */
static void elements(int level, int n) {
  float *gate = zeros(4ll * n), *up = zeros(4ll * n), *y = zeros(4ll * n);
  for (int i = 0; i < n; i++) gate[i] = draw() % 9 ? draw_float() * 50 : NAN, up[i] = draw_float();
  int failed = 0;
  for (int operation = SILU_MULTIPLY; operation <= FMA; operation++) {
    failed |= consilium_elements(level, operation, 0.7f, (uint8_t *) gate, 0, (uint8_t *) up, 0, n, (uint8_t *) y, 0);
    printf("elements %d, %d: %d %016llx\n", operation, n, failed, (unsigned long long) hash(y, n));
  }
  free(gate), free(up), free(y);
}

int main(void) {
  int levels = consilium_levels() & (READS_ONE_STREAM - 1);
  if (!levels) return 1;
  int level = 31 - __builtin_clz(levels);
  for (int type = 0; type < TYPES; type++) {
    for (int tokens = 1; tokens <= MAX_TOKENS; tokens = tokens < 8 ? tokens + 1 : tokens * 4) {
      for (int rows = 1; rows < 64; rows += 23) {
        seed = 1 + type * 100000 + tokens * 100 + rows;
        product(level, type, block_columns[type] * (1 + 9 * (rows % 3)), rows, tokens);
      }
    }
  }
  for (int type = F32; type <= F16; type++) {
    for (int tokens = 1; tokens <= MAX_TOKENS; tokens = tokens < 8 ? tokens + 1 : tokens * 4) {
      seed = 4 + type * 1000 + tokens;
      float_product(level, type, 1 + tokens * 37, 20 + tokens * 9, tokens);
    }
  }
  for (int cache = 0; cache < CACHES; cache++) {
    for (int head_dim = 1; head_dim < 140; head_dim = head_dim * 2 + head_dim % 3) {
      for (int heads = 1; heads < 30; heads += heads < 8 ? 1 : 5) {
        seed = 1 + cache * 1000000 + head_dim * 1000 + heads;
        attention(level, cache, head_dim, heads, 1 + heads % 3, 0);
        attention(level, cache, head_dim, heads, 1, 1);
      }
      seed = 2 + cache * 1000 + head_dim;
      rows(level, cache, head_dim);
    }
  }
  for (int n = 1; n < 100; n += 7) {
    seed = 3 + n;
    elements(level, n);
  }
  return 0;
}
