/*
 * What programs share that run builds of the native kernels in turns, in one process: memory, the builds' functions, two threads that do
 * the same piece of work, and the times. Linux.
 */
#ifndef CONSILIUM_TURNS_H
#define CONSILIUM_TURNS_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define THREADS 2
#define MOST_BUILDS 8
#define MOST_ROUNDS 25
#define HUGE_PAGE ((size_t) 2 << 20)

/* A thread's memory, made once, and one run of a build over it. */
typedef void *prepare(int thread);
typedef void once(int thread, int build, void *own);

static struct {
  prepare *prepare;
  once *once;
  int build;
  int runs;
  double took[THREADS];
  pthread_barrier_t barrier;
} turns;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

/* Numbers, and scales, of every type that are neither very large nor very small, on huge pages. */
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

/* A function of a build, or the end of the program. */
static void *function_of(const char *library, const char *name) {
  void *opened = dlopen(library, RTLD_NOW | RTLD_LOCAL), *function = opened ? dlsym(opened, name) : NULL;
  if (!function) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  return function;
}

static void *work(void *argument) {
  int thread = (int) (intptr_t) argument;
  void *own = turns.prepare(thread);
  for (int i = 0; i < turns.runs; i++) {
    pthread_barrier_wait(&turns.barrier);
    double from = seconds();
    turns.once(thread, turns.build, own);
    turns.took[thread] = seconds() - from;
    pthread_barrier_wait(&turns.barrier);
  }
  return NULL;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

/* Runs each build as many times as there are rounds, up to MOST_ROUNDS, and prints how fast it read the bytes of all threads. */
static void in_turns(int builds, int rounds, prepare *prepare, once *once, double bytes, char *const *names) {
  static double times[MOST_BUILDS][MOST_ROUNDS];
  turns.prepare = prepare, turns.once = once, turns.runs = rounds * builds;
  pthread_barrier_init(&turns.barrier, NULL, THREADS + 1);
  for (int i = 0; i < THREADS; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, work, (void *) (intptr_t) i);
  }
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < builds; i++) {
      int build = turns.build = (i + round) % builds; /* none always comes behind the same other one */
      pthread_barrier_wait(&turns.barrier);
      pthread_barrier_wait(&turns.barrier);
      times[build][round] = turns.took[0] > turns.took[1] ? turns.took[0] : turns.took[1];
    }
  }
  for (int i = 0; i < builds; i++) {
    qsort(times[i], rounds, sizeof(double), ascending);
    printf("%s: median %.2f GB/s, best %.2f\n", names[i], bytes / times[i][rounds / 2] * 1e-9, bytes / times[i][0] * 1e-9);
  }
}

#endif
