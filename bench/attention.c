/*
 * Builds of the native kernels in turns, in one process: how fast they read the keys and values of one decoding sequence, GB/s, beside a
 * plain loop that reads the same memory and fetches ahead. Two threads attend to a cache of 1 GiB each, so that everything comes from
 * memory: layer by layer, segment by segment of 512 positions, some heads in a call, as the engine does for one long sequence. Linux.
 *
 *   cc -O2 -pthread -o attention attention.c
 *   sh ../tensor/src/main/c/build.sh OUT     # OUT/<os>-<arch>/libconsilium-kernels.so; once for each version of the sources
 *   ./attention LEVEL CACHE HEAD_DIM KV_HEADS TOGETHER HEADS DEPTH LIBRARY...
 *
 * LEVEL is a number of `enum level` in consilium_kernels.h (AVX-512: 2), CACHE one of `enum cache` in attention.h (f32, f16, bf16, q8_0: 0 to
 * 3). HEADS are the query heads of each key/value head, up to 16; TOGETHER divides KV_HEADS; HEAD_DIM is a multiple of 32. LIBRARY with a
 * slash, such as ./old.so.
 */
#include "turns.h"

#define POOL ((size_t) 1 << 30) /* of each thread */
#define LAYERS 24
#define SLOTS 16
#define SEGMENT 512
#define MOST_HEADS 16
#define ROUNDS 15
#define FETCHED_AHEAD 4096

typedef int attend(int level, int cache, int head_dim, int value_dim, int prefix, float scale, const uint8_t *pool, int64_t keys_at, int64_t values_at,
                   int kv_heads, int64_t kv_head_bytes, const uint8_t *offsets, const uint8_t *query, int64_t query_at, int64_t query_stride, int tokens, int heads,
                   int position, int window, int from, int end, uint8_t *scratch, uint8_t *states, int64_t states_at);

static int level, cache, head_dim, kv_heads, together, heads, depth;
static int64_t kv_head_bytes;
static attend *builds[MOST_BUILDS]; /* NULL: the plain loop */
static volatile uint64_t read[THREADS][8];

struct own {
  uint8_t *pool;
  int64_t *offsets; /* of all sequences */
  float *query;
  uint8_t *scratch;
  uint8_t *states;
};

/* Sequences of a pool, and the bytes of it that they take. */
static int sequences(void) { return (int) (POOL / (size_t) (depth / SLOTS * LAYERS * kv_heads * kv_head_bytes)); }
static size_t used(void) { return (size_t) sequences() * (size_t) (depth / SLOTS * LAYERS * kv_heads * kv_head_bytes); }

static void read_all(const uint8_t *pool, int thread) {
  uint64_t sum = 0;
  for (size_t i = 0; i < used(); i += 64) {
    const uint64_t *line = (const uint64_t *) (pool + i);
    __builtin_prefetch(pool + i + FETCHED_AHEAD, 0, 3);
    sum += line[0] + line[1] + line[2] + line[3] + line[4] + line[5] + line[6] + line[7];
  }
  read[thread][0] = sum;
}

static void attend_all(attend *run, const struct own *own) {
  int64_t block_bytes = kv_heads * kv_head_bytes;
  for (int sequence = 0; sequence < sequences(); sequence++) {
    const int64_t *of_sequence = own->offsets + sequence * (depth / SLOTS);
    for (int layer = 0; layer < LAYERS; layer++) {
      for (int from = 0; from < depth; from += SEGMENT) {
        for (int head = 0; head < kv_heads; head += together) {
          int end = from + SEGMENT < depth ? from + SEGMENT : depth;
          run(level, cache, head_dim, head_dim, 0, 0.1f, own->pool, layer * block_bytes + head * kv_head_bytes, kv_head_bytes / 2, together, kv_head_bytes,
              (const uint8_t *) of_sequence, (const uint8_t *) own->query, 0, kv_heads * heads * head_dim * (int64_t) sizeof(float), 1, heads, depth - 1, depth, from, end,
              own->scratch, own->states, 0);
        }
      }
    }
  }
}

static void *prepared(int thread) {
  (void) thread;
  int blocks = sequences() * (depth / SLOTS);
  struct own *own = malloc(sizeof *own);
  own->pool = memory(POOL), own->scratch = memory(HUGE_PAGE), own->states = memory(HUGE_PAGE);
  own->query = calloc((size_t) (kv_heads * heads * head_dim), sizeof(float)); /* equal weights: none is so small that arithmetic takes longer */
  own->offsets = malloc(blocks * sizeof(int64_t));
  for (int b = 0; b < blocks; b++) own->offsets[b] = b * LAYERS * kv_heads * kv_head_bytes;
  return own;
}

static void attend_or_read(int thread, int build, void *own) {
  if (builds[build]) {
    attend_all(builds[build], own);
  } else {
    read_all(((struct own *) own)->pool, thread);
  }
}

int main(int count, char **of) {
  int libraries = count - 8;
  if (libraries < 1 || libraries >= MOST_BUILDS) {
    fprintf(stderr, "attention LEVEL CACHE HEAD_DIM KV_HEADS TOGETHER HEADS DEPTH LIBRARY...: 1 to %d libraries\n", MOST_BUILDS - 1);
    return 2;
  }
  level = atoi(of[1]), cache = atoi(of[2]), head_dim = atoi(of[3]), kv_heads = atoi(of[4]), together = atoi(of[5]), heads = atoi(of[6]), depth = atoi(of[7]);
  if (cache < 0 || cache > 3 || head_dim < 32 || head_dim > 1024 || head_dim % 32 != 0 || kv_heads < 1 || kv_heads > 64 || together < 1 || kv_heads % together != 0 || heads < 1 || heads > MOST_HEADS ||
      depth < SLOTS || depth % SLOTS != 0) {
    fprintf(stderr, "attention: want a cache from 0 to 3, a multiple of 32 up to 1024, 1 to 64 heads, a divisor of them, 1 to %d query heads, a multiple of %d\n", MOST_HEADS, SLOTS);
    return 2;
  }
  static const int element_bytes[] = {4, 2, 2, 1};
  kv_head_bytes = 2 * SLOTS * (head_dim * element_bytes[cache] + (cache == 3 ? head_dim / 32 * (int) sizeof(float) : 0));
  if (sequences() < 1) {
    fprintf(stderr, "attention: a sequence of that depth has no place in 1 GiB\n");
    return 2;
  }
  for (int i = 1; i <= libraries; i++) builds[i] = function_of(of[7 + i], "consilium_attend");
  of[7] = "reading alone";
  in_turns(libraries + 1, ROUNDS, prepared, attend_or_read, (double) THREADS * (double) used(), of + 7);
  return 0;
}
