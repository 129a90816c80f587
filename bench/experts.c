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
#include "turns.h"

#define MATRICES 640 /* of each thread */
#define PANELS 64
#define ROWS 1024
#define MOST_TOKENS 128
#define ROUNDS 25

typedef int multiply(int level, int type, const uint8_t *weights, int64_t weights_at, int64_t panel_bytes, int64_t header_bytes, int blocks, int panels,
                     const uint8_t *activations, const uint8_t *offsets, int64_t offsets_at, int64_t version, int tokens, uint8_t *y, int64_t y_at,
                     int64_t y_stride_bytes, int rows);

static int level, type, blocks, given;
static int64_t header_bytes, panel_bytes;
static multiply *builds[MOST_BUILDS];

struct own {
  uint8_t *weights;
  uint8_t *activations;
  uint8_t *y;
  int64_t offsets[MOST_TOKENS];
};

static int tokens_of(int thread, int matrix) {
  static const int usual[] = {4, 3, 5, 2, 6, 4, 1, 4, 7, 3, 5, 2, 9, 3, 4, 2};
  return given ? given : usual[(matrix * 5 + thread * 7) % 16];
}

static size_t matrix_bytes(void) { return (size_t) (PANELS * panel_bytes); }

static void *prepared(int thread) {
  (void) thread;
  struct own *own = malloc(sizeof *own);
  own->weights = memory(MATRICES * matrix_bytes()), own->activations = memory((size_t) MOST_TOKENS * blocks * 64);
  own->y = memory(MOST_TOKENS * ROWS * sizeof(float));
  for (int t = 0; t < MOST_TOKENS; t++) own->offsets[t] = (int64_t) t * blocks * 64;
  return own;
}

static void multiply_all(int thread, int build, void *of_thread) {
  struct own *own = of_thread;
  for (int m = 0; m < MATRICES; m++) {
    builds[build](level, type, own->weights, (int64_t) (m * matrix_bytes()), panel_bytes, header_bytes, blocks, PANELS, own->activations,
                  (uint8_t *) own->offsets, 0, 0, tokens_of(thread, m), own->y, 0, ROWS * sizeof(float), ROWS);
  }
}

int main(int count, char **of) {
  int libraries = count - 5;
  if (libraries < 1 || libraries > MOST_BUILDS) {
    fprintf(stderr, "experts LEVEL TYPE COLUMNS TOKENS LIBRARY...: 1 to %d libraries\n", MOST_BUILDS);
    return 2;
  }
  level = atoi(of[1]), type = atoi(of[2]), blocks = atoi(of[3]) / 32, given = atoi(of[4]);
  if ((type != 0 && type != 1 && type != 3) || blocks < 8 || blocks % 8 != 0 || given < 0 || given > MOST_TOKENS) {
    fprintf(stderr, "experts: want type 0 (Q8_0), 1 (Q4_0) or 3 (Q4_K), a multiple of 256 columns, 0 to %d tokens\n", MOST_TOKENS);
    return 2;
  }
  for (int i = 0; i < libraries; i++) builds[i] = function_of(of[5 + i], "consilium_multiply");
  header_bytes = blocks * 32; /* 16 binary16 for each block, or 256 bytes for eight of Q4_K */
  panel_bytes = header_bytes + (int64_t) blocks * (type == 0 ? 512 : 256);
  in_turns(libraries, ROUNDS, prepared, multiply_all, (double) THREADS * MATRICES * (double) matrix_bytes(), of + 5);
  return 0;
}
