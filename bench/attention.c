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
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define THREADS 2
#define POOL ((size_t) 1 << 30) /* of each thread */
#define LAYERS 24
#define SLOTS 16
#define SEGMENT 512
#define MOST_HEADS 16
#define MOST_LIBRARIES 7
#define ROUNDS 15
#define HUGE_PAGE ((size_t) 2 << 20)
#define FETCHED_AHEAD 4096

typedef int attend(int level, int cache, int head_dim, int value_dim, int prefix, float scale, const uint8_t *pool, int64_t keys_at, int64_t values_at,
                   int kv_heads, int64_t kv_head_bytes, const uint8_t *offsets, const uint8_t *query, int64_t query_at, int64_t query_stride, int tokens, int heads,
                   int position, int window, int from, int end, uint8_t *scratch, uint8_t *states, int64_t states_at);

static int level, cache, head_dim, kv_heads, together, heads, depth, runs;
static int64_t kv_head_bytes;
static attend *run; /* NULL: the plain loop */
static double took[THREADS];
static volatile uint64_t read[THREADS][8];
static pthread_barrier_t barrier;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

/* Numbers of every type that are neither very large nor very small, on huge pages. */
static uint8_t *memory(size_t bytes) {
  uint8_t *start = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  start = (uint8_t *) (((uintptr_t) start + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
  madvise(start, bytes, MADV_HUGEPAGE);
  for (size_t i = 0; i < bytes; i++) start[i] = i % 2 == 1 ? 0x3b : (uint8_t) (i * 37 + (i >> 12));
  return start;
}

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

static void attend_all(const uint8_t *pool, const int64_t *offsets, const uint8_t *query, uint8_t *scratch, uint8_t *states) {
  int64_t block_bytes = kv_heads * kv_head_bytes;
  for (int sequence = 0; sequence < sequences(); sequence++) {
    const int64_t *of_sequence = offsets + sequence * (depth / SLOTS);
    for (int layer = 0; layer < LAYERS; layer++) {
      for (int from = 0; from < depth; from += SEGMENT) {
        for (int head = 0; head < kv_heads; head += together) {
          int end = from + SEGMENT < depth ? from + SEGMENT : depth;
          run(level, cache, head_dim, head_dim, 0, 0.1f, pool, layer * block_bytes + head * kv_head_bytes, kv_head_bytes / 2, together, kv_head_bytes,
              (const uint8_t *) of_sequence, query, 0, kv_heads * heads * head_dim * (int64_t) sizeof(float), 1, heads, depth - 1, depth, from, end, scratch, states, 0);
        }
      }
    }
  }
}

static void *work(void *argument) {
  int thread = (int) (intptr_t) argument, blocks = sequences() * (depth / SLOTS);
  uint8_t *pool = memory(POOL), *scratch = memory(HUGE_PAGE), *states = memory(HUGE_PAGE);
  float *query = calloc((size_t) (kv_heads * heads * head_dim), sizeof(float)); /* equal weights: none is so small that arithmetic takes longer */
  int64_t *offsets = malloc(blocks * sizeof(int64_t));
  for (int b = 0; b < blocks; b++) offsets[b] = b * LAYERS * kv_heads * kv_head_bytes;
  for (int i = 0; i < runs; i++) {
    pthread_barrier_wait(&barrier);
    double from = seconds();
    if (run) {
      attend_all(pool, offsets, (const uint8_t *) query, scratch, states);
    } else {
      read_all(pool, thread);
    }
    took[thread] = seconds() - from;
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

int main(int count, char **of) {
  static double times[MOST_LIBRARIES + 1][ROUNDS];
  attend *libraries[MOST_LIBRARIES + 1] = {NULL};
  int builds = count - 8;
  if (builds < 1 || builds > MOST_LIBRARIES) {
    fprintf(stderr, "attention LEVEL CACHE HEAD_DIM KV_HEADS TOGETHER HEADS DEPTH LIBRARY...: 1 to %d libraries\n", MOST_LIBRARIES);
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
  for (int i = 1; i <= builds; i++) {
    void *library = dlopen(of[7 + i], RTLD_NOW | RTLD_LOCAL);
    libraries[i] = library ? (attend *) dlsym(library, "consilium_attend") : NULL;
    if (!libraries[i]) {
      fprintf(stderr, "attention: %s\n", dlerror());
      return 1;
    }
  }
  runs = ROUNDS * (builds + 1);
  pthread_barrier_init(&barrier, NULL, THREADS + 1);
  for (int i = 0; i < THREADS; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, (void *) (intptr_t) i);
  }
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i <= builds; i++) {
      int build = (i + round) % (builds + 1); /* none always comes behind the same other one */
      run = libraries[build];
      pthread_barrier_wait(&barrier);
      pthread_barrier_wait(&barrier);
      times[build][round] = took[0] > took[1] ? took[0] : took[1];
    }
  }
  for (int i = 0; i <= builds; i++) {
    qsort(times[i], ROUNDS, sizeof(double), ascending);
    double bytes = (double) THREADS * (double) used();
    printf("%s: median %.2f GB/s, best %.2f\n", i == 0 ? "reading alone" : of[7 + i], bytes / times[i][ROUNDS / 2] * 1e-9, bytes / times[i][0] * 1e-9);
  }
  return 0;
}
