/*
 * Builds of the native kernels in turns, in one process: how fast they read the weights of a batch's experts, GB/s. Two threads multiply
 * matrices of 1024 rows, 1.4 GiB of them in Q8_0 and half of that in 4 bits, so that every one comes from memory, by as many tokens as
 * 32 sequences send to an expert, or by a number that is given. Linux. Activations and weights are anything: only time is looked at.
 *
 *   cc -O2 -pthread -o experts experts.c
 *   sh ../tensor/src/main/c/build.sh OUT     # OUT/<os>-<arch>/libconsilium-kernels.so; once for each version of the sources
 *   ./experts LEVEL TYPE COLUMNS TOKENS LIBRARY...
 *
 * LEVEL and TYPE are numbers of `enum level` and `enum type` in consilium_kernels.h (Q4_K with AVX-512 and AMX: 3 3). COLUMNS is a multiple
 * of 256. TOKENS of each expert; 0: 1 to 9, 4 in the mean. LIBRARY with a slash, such as ./old.so.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define THREADS 2
#define MATRICES 640 /* of each thread */
#define PANELS 64
#define ROWS 1024
#define MOST_TOKENS 128
#define MOST_LIBRARIES 8
#define ROUNDS 25
#define HUGE_PAGE ((size_t) 2 << 20)

typedef int multiply(int level, int type, const uint8_t *weights, int64_t weights_at, int64_t panel_bytes, int64_t header_bytes, int blocks, int panels,
                     const uint8_t *activations, const uint8_t *offsets, int64_t offsets_at, int64_t version, int tokens, uint8_t *y, int64_t y_at,
                     int64_t y_stride_bytes, int rows);

static int level, type, blocks, given, runs;
static int64_t header_bytes, panel_bytes;
static multiply *run;
static double took[THREADS];
static pthread_barrier_t barrier;

static int tokens_of(int thread, int matrix) {
  static const int usual[] = {4, 3, 5, 2, 6, 4, 1, 4, 7, 3, 5, 2, 9, 3, 4, 2};
  return given ? given : usual[(matrix * 5 + thread * 7) % 16];
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

/* Anything that no scale of is infinite, on huge pages. */
static uint8_t *memory(size_t bytes) {
  uint8_t *start = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  start = (uint8_t *) (((uintptr_t) start + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
  madvise(start, bytes, MADV_HUGEPAGE);
  for (size_t i = 0; i < bytes; i++) start[i] = (uint8_t) (i * 37 + (i >> 12)) & 0xbb;
  return start;
}

static void *work(void *argument) {
  int thread = (int) (intptr_t) argument;
  size_t matrix_bytes = (size_t) (PANELS * panel_bytes);
  uint8_t *weights = memory(MATRICES * matrix_bytes), *activations = memory((size_t) MOST_TOKENS * blocks * 64);
  uint8_t *y = memory(MOST_TOKENS * ROWS * sizeof(float));
  int64_t offsets[MOST_TOKENS];
  for (int t = 0; t < MOST_TOKENS; t++) offsets[t] = (int64_t) t * blocks * 64;
  for (int i = 0; i < runs; i++) {
    pthread_barrier_wait(&barrier);
    double from = seconds();
    for (int m = 0; m < MATRICES; m++) {
      run(level, type, weights, (int64_t) (m * matrix_bytes), panel_bytes, header_bytes, blocks, PANELS, activations, (uint8_t *) offsets, 0, 0,
          tokens_of(thread, m), y, 0, ROWS * sizeof(float), ROWS);
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
  static double times[MOST_LIBRARIES][ROUNDS];
  multiply *libraries[MOST_LIBRARIES];
  int builds = count - 5;
  if (builds < 1 || builds > MOST_LIBRARIES) {
    fprintf(stderr, "experts LEVEL TYPE COLUMNS TOKENS LIBRARY...: 1 to %d libraries\n", MOST_LIBRARIES);
    return 2;
  }
  level = atoi(of[1]), type = atoi(of[2]), blocks = atoi(of[3]) / 32, given = atoi(of[4]);
  if ((type != 0 && type != 1 && type != 3) || blocks < 8 || blocks % 8 != 0 || given < 0 || given > MOST_TOKENS) {
    fprintf(stderr, "experts: want type 0 (Q8_0), 1 (Q4_0) or 3 (Q4_K), a multiple of 256 columns, 0 to %d tokens\n", MOST_TOKENS);
    return 2;
  }
  for (int i = 0; i < builds; i++) {
    void *library = dlopen(of[5 + i], RTLD_NOW | RTLD_LOCAL);
    libraries[i] = library ? (multiply *) dlsym(library, "consilium_multiply") : NULL;
    if (!libraries[i]) {
      fprintf(stderr, "experts: %s\n", dlerror());
      return 1;
    }
  }
  header_bytes = blocks * 32; /* 16 binary16 for each block, or 256 bytes for eight of Q4_K */
  panel_bytes = header_bytes + (int64_t) blocks * (type == 0 ? 512 : 256);
  runs = ROUNDS * builds;
  pthread_barrier_init(&barrier, NULL, THREADS + 1);
  for (int i = 0; i < THREADS; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, (void *) (intptr_t) i);
  }
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < builds; i++) {
      int build = (i + round) % builds; /* none always comes behind the same other one */
      run = libraries[build];
      pthread_barrier_wait(&barrier);
      pthread_barrier_wait(&barrier);
      times[build][round] = took[0] > took[1] ? took[0] : took[1];
    }
  }
  double bytes = (double) THREADS * MATRICES * PANELS * (double) panel_bytes;
  for (int i = 0; i < builds; i++) {
    qsort(times[i], ROUNDS, sizeof(double), ascending);
    printf("%s: median %.2f GB/s, best %.2f\n", of[5 + i], bytes / times[i][ROUNDS / 2] * 1e-9, bytes / times[i][0] * 1e-9);
  }
  return 0;
}
