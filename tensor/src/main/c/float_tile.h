/*
 * Products of floating point weights, included behind tile.h. A file that includes it defines, besides,
 *
 *   FLOAT_VECTORS, FLOAT_TOKENS  of a tile: their product is how many registers hold sums
 *   FROM_HALVES(v)               f32 from the binary16 in the lower half of each lane; the upper half is anything
 *
 * Each output is one chain of multiply-adds over ascending columns, see dev.consilium.tensor.Kernels#multiply; what lies where in a panel is written in the
 * javadoc of PackedMatrix.
 */
#define FETCH_AHEAD 4096 /* bytes */
#define FLOAT_CHUNK 128 /* columns: of f32 32 KiB, which stay in the first cache for all tokens */

/* LANES weights of a column, from a row on. */
INLINE floats float_weights(enum float_type type, const uint8_t *column, int row) {
  if (type == F32) return LOAD_FLOATS((const float *) column + row);
  ints pairs = LOAD(column + (row / 32 * 16 + row % 16) * 4);
  int upper = row / 16 % 2;
  if (type == F16) return FROM_HALVES(upper ? RIGHT_BY(pairs, 16) : pairs);
  return AS_FLOATS(upper ? AND(pairs, SPREAD_INT((int) 0xffff0000)) : LEFT_BY(pairs, 16));
}

/* If `fetch`, the weights that come next are fetched, of all rows. */
INLINE void float_tile(enum float_type type, int tokens, int fetch, const uint8_t *chunk, int columns, int row, const float *const *x, float (*sums)[FLOAT_ROWS]) {
  floats sum[FLOAT_TOKENS][FLOAT_VECTORS];
  const int64_t column_bytes = FLOAT_ROWS * (type == F32 ? 4 : 2);
  EACH(t, tokens) EACH(v, FLOAT_VECTORS) sum[t][v] = LOAD_FLOATS(sums[t] + row + v * LANES);
  for (int k = 0; k < columns; k++) {
    floats w[FLOAT_VECTORS];
    const uint8_t *column = chunk + k * column_bytes;
    if (fetch) EACH(line, column_bytes / 64) __builtin_prefetch(column + FETCH_AHEAD + line * 64, 0, 3);
    EACH(v, FLOAT_VECTORS) w[v] = float_weights(type, column, row + v * LANES);
    EACH(t, tokens) {
      floats value = SPREAD(x[t][k]);
      EACH(v, FLOAT_VECTORS) sum[t][v] = MULTIPLY_ADD(w[v], value, sum[t][v]);
    }
  }
  EACH(t, tokens) EACH(v, FLOAT_VECTORS) STORE_FLOATS(sums[t] + row + v * LANES, sum[t][v]);
}

INLINE void float_tiles(enum float_type type, int tokens, int fetch, const uint8_t *chunk, int columns, int rows, const float *const *x, float (*sums)[FLOAT_ROWS]) {
  for (int row = 0; row < rows; row += FLOAT_VECTORS * LANES) {
    switch (tokens) {
      case 1: float_tile(type, 1, fetch && !row, chunk, columns, row, x, sums); break;
      case 2: float_tile(type, 2, fetch && !row, chunk, columns, row, x, sums); break;
      case 3: float_tile(type, 3, fetch && !row, chunk, columns, row, x, sums); break;
      case 4: float_tile(type, 4, fetch && !row, chunk, columns, row, x, sums); break;
      case 5: float_tile(type, 5, fetch && !row, chunk, columns, row, x, sums); break;
      default: float_tile(type, FLOAT_TOKENS, fetch && !row, chunk, columns, row, x, sums);
    }
  }
}

/* Rows behind the last that exists are in no result, so their vectors are left out. */
INLINE void multiply_float_panel(enum float_type type, const struct product *p, const uint8_t *panel, int rows, float (*sums)[FLOAT_ROWS]) {
  memset(sums, 0, p->tokens * sizeof *sums);
  for (int k = 0; k < p->blocks; k += FLOAT_CHUNK) {
    int columns = p->blocks - k < FLOAT_CHUNK ? p->blocks - k : FLOAT_CHUNK;
    for (int token = 0; token < p->tokens; token += FLOAT_TOKENS) {
      const float *x[FLOAT_TOKENS];
      int some = p->tokens - token < FLOAT_TOKENS ? p->tokens - token : FLOAT_TOKENS;
      for (int t = 0; t < some; t++) x[t] = (const float *) (p->activations + p->offsets[token + t]) + k;
      const uint8_t *chunk = panel + (int64_t) k * FLOAT_ROWS * (type == F32 ? 4 : 2);
      if (token) {
        float_tiles(type, some, 0, chunk, columns, rows, x, sums + token);
      } else {
        float_tiles(type, some, 1, chunk, columns, rows, x, sums);
      }
    }
  }
}

TARGET void NAMED(multiply_floats)(enum float_type type, const struct product *p) {
  _Alignas(64) float sums[MAX_TOKENS][FLOAT_ROWS];
  for (int panel = 0; panel < p->panels; panel++) {
    int left = p->rows - panel * FLOAT_ROWS, rows = left < FLOAT_ROWS ? left : FLOAT_ROWS;
    const uint8_t *weights = p->weights + panel * p->panel_bytes;
    switch (type) {
      case F32: multiply_float_panel(F32, p, weights, rows, sums); break;
      case BF16: multiply_float_panel(BF16, p, weights, rows, sums); break;
      default: multiply_float_panel(F16, p, weights, rows, sums);
    }
    for (int t = 0; t < p->tokens; t++) memcpy(p->y + t * p->y_stride + panel * FLOAT_ROWS, sums[t], rows * sizeof(float));
  }
}
