/*
 * How many int8 operations a second the vector units can do: dot products of bytes (vpdpbusd) in registers, sixteen sums
 * at once, so that none waits for the one before it. x86-64 with AVX-512 VNNI.
 *
 *   cc -O2 -pthread -o int8-limit int8-limit.c && ./int8-limit THREADS
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SUMS 16
#define ROUNDS 20000000L
#define OPERATIONS 128.0 /* of an instruction: 64 products and 64 additions */

static pthread_barrier_t start;

static void *work(void *unused) {
  (void) unused;
  pthread_barrier_wait(&start);
  for (long i = 0; i < ROUNDS; i++) {
#define DOT(n) "vpdpbusd %%zmm31, %%zmm30, %%zmm" #n "\n"
    __asm__ volatile(DOT(0) DOT(1) DOT(2) DOT(3) DOT(4) DOT(5) DOT(6) DOT(7)
                     DOT(8) DOT(9) DOT(10) DOT(11) DOT(12) DOT(13) DOT(14) DOT(15) ::: "memory");
  }
  return NULL;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : 1;
  if (threads < 1 || threads > 1024) {
    fprintf(stderr, "usage: int8-limit THREADS, 1 to 1024\n");
    return 2;
  }
  if (!__builtin_cpu_supports("avx512vnni")) {
    fprintf(stderr, "this machine has no AVX-512 VNNI\n");
    return 1;
  }
  pthread_t running[1024];
  pthread_barrier_init(&start, NULL, (unsigned) threads + 1);
  for (int i = 0; i < threads; i++) {
    if (pthread_create(&running[i], NULL, work, NULL) != 0) {
      fprintf(stderr, "cannot start thread %d\n", i);
      return 1;
    }
  }
  pthread_barrier_wait(&start);
  double begin = seconds();
  for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
  printf("%.0f Gop/s with %d threads\n", OPERATIONS * SUMS * ROUNDS * threads / (seconds() - begin) / 1e9, threads);
  return 0;
}
