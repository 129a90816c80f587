/*
 * How fast memory is read in one stream, and in two side by side as kernels read two panels of weights: the time of a loop that
 * adds up cache lines and fetches ahead. Huge pages, 512 MiB, best of ten passes.
 *
 *   cc -O2 -pthread -o streams streams.c && ./streams THREADS
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define BYTES (512L << 20)
#define PANEL 9216 /* bytes: 16 rows of 1024 columns in Q4_K */
#define LINE 64
#define PASSES 10

static const uint64_t *memory;
static int threads;
static pthread_barrier_t start, end;
static int streams;   /* 1 or 2 */
static long distance; /* bytes ahead that are fetched; below 0: the work is over */
static volatile uint64_t sums[1024][LINE / sizeof(uint64_t)]; /* a line for each thread */

/* The sum of a line. */
static inline uint64_t line(const char *at, long distance) {
  __builtin_prefetch(at + distance, 0, 3);
  const uint64_t *p = (const uint64_t *) at;
  return p[0] + p[1] + p[2] + p[3] + p[4] + p[5] + p[6] + p[7];
}

static uint64_t read_share(int thread) {
  long share = BYTES / threads / (2 * PANEL) * (2 * PANEL);
  const char *from = (const char *) memory + thread * share;
  uint64_t sum = 0;
  if (streams == 1) {
    for (long i = 0; i < share; i += LINE) sum += line(from + i, distance);
  } else {
    for (long pair = 0; pair < share; pair += 2 * PANEL) {
      for (long i = 0; i < PANEL; i += LINE) {
        /* Beyond the end of a panel lies its neighbour: the next of this stream is one panel further. */
        long ahead = i + distance < PANEL ? distance : distance + PANEL;
        sum += line(from + pair + i, ahead) + line(from + pair + PANEL + i, ahead);
      }
    }
  }
  return sum;
}

static void *work(void *number) {
  int thread = (int) (intptr_t) number;
  for (;;) {
    pthread_barrier_wait(&start);
    if (distance < 0) return NULL;
    sums[thread][0] = read_share(thread);
    pthread_barrier_wait(&end);
  }
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static double pass(void) {
  double begin = seconds();
  pthread_barrier_wait(&start);
  pthread_barrier_wait(&end);
  return seconds() - begin;
}

int main(int count, char **arguments) {
  threads = count > 1 ? atoi(arguments[1]) : 1;
  if (threads < 1 || threads > 1024) {
    fprintf(stderr, "usage: streams THREADS, 1 to 1024\n");
    return 2;
  }
  long huge = 2L << 20;
  char *mapped = mmap(NULL, BYTES + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    fprintf(stderr, "no %ld MiB of memory\n", (BYTES + huge) >> 20);
    return 1;
  }
  uint64_t *aligned = (uint64_t *) (((uintptr_t) mapped + huge - 1) / huge * huge);
  madvise(aligned, BYTES, MADV_HUGEPAGE);
  for (long i = 0; i < BYTES / 8; i++) aligned[i] = (uint64_t) i;
  memory = aligned;
  pthread_barrier_init(&start, NULL, (unsigned) threads + 1);
  pthread_barrier_init(&end, NULL, (unsigned) threads + 1);
  pthread_t running[1024];
  for (long i = 0; i < threads; i++) {
    if (pthread_create(&running[i], NULL, work, (void *) i) != 0) {
      fprintf(stderr, "cannot start thread %ld\n", i);
      return 1;
    }
  }
  static const long distances[] = {1024, 2048, 2560, 4096, 8704};
  printf("GB/s with %d threads\nfetched ahead  one stream  two streams\n", threads);
  long bytes = BYTES / threads / (2 * PANEL) * (2 * PANEL) * threads;
  for (unsigned i = 0; i < sizeof distances / sizeof *distances; i++) {
    double best[3] = {0, 1e9, 1e9};
    distance = distances[i];
    /* In turns, so that a change of the machine meets both. */
    for (int n = 0; n < PASSES; n++) {
      for (streams = 1; streams <= 2; streams++) {
        double took = pass();
        if (took < best[streams]) best[streams] = took;
      }
    }
    printf("%13ld  %10.1f  %11.1f\n", distance, bytes / best[1] / 1e9, bytes / best[2] / 1e9);
  }
  distance = -1;
  pthread_barrier_wait(&start);
  for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
  return 0;
}
