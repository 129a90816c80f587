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

/* Of a panel. */
INLINE int column_bytes(enum float_type type) { return FLOAT_ROWS * (type == F32 ? 4 : 2); }

/* LANES weights of a column, from a row on. */
INLINE floats float_weights(enum float_type type, const uint8_t *column, int row) {
  if (type == F32) return LOAD_FLOATS((const float *) column + row);
  ints pairs = LOAD(column + (row / 32 * 16 + row % 16) * 4);
  int upper = row / 16 % 2;
  if (type == F16) return FROM_HALVES(upper ? RIGHT_BY(pairs, 16) : pairs);
  return AS_FLOATS(upper ? AND(pairs, SPREAD_INT((int) 0xffff0000)) : LEFT_BY(pairs, 16));
}

/* What is fetched meanwhile: some lines for each column, which lie `step` bytes behind those of the column before. */
struct fetching {
  const uint8_t *from;
  int64_t step;
};

INLINE void float_tile(enum float_type type, int tokens, int near_lines, int far_lines, struct fetching next, const uint8_t *chunk, int columns, int row,
                       const float *const *x, float (*sums)[FLOAT_ROWS]) {
  floats sum[FLOAT_TOKENS][FLOAT_VECTORS];
  EACH(t, tokens) EACH(v, FLOAT_VECTORS) sum[t][v] = LOAD_FLOATS(sums[t] + row + v * LANES);
  for (int k = 0; k < columns; k++, chunk += column_bytes(type), next.from += next.step) {
    floats w[FLOAT_VECTORS];
    EACH(line, near_lines) __builtin_prefetch(next.from + line * 64, 0, 3);
    EACH(line, far_lines) __builtin_prefetch(next.from + line * 64, 0, 2);
    EACH(v, FLOAT_VECTORS) w[v] = float_weights(type, chunk, row + v * LANES);
    EACH(t, tokens) {
      floats value = SPREAD(x[t][k]);
      EACH(v, FLOAT_VECTORS) sum[t][v] = MULTIPLY_ADD(w[v], value, sum[t][v]);
    }
  }
  EACH(t, tokens) EACH(v, FLOAT_VECTORS) STORE_FLOATS(sums[t] + row + v * LANES, sum[t][v]);
}

INLINE void float_tiles(enum float_type type, int tokens, int near_lines, int far_lines, struct fetching next, const uint8_t *chunk, int columns, int rows,
                        const float *const *x, float (*sums)[FLOAT_ROWS]) {
  for (int row = 0; row < rows; row += FLOAT_VECTORS * LANES) {
#define BODY(count) float_tile(type, count, row ? 0 : near_lines, row ? 0 : far_lines, next, chunk, columns, row, x, sums)
    switch (tokens) {
      case 1: BODY(1); break;
      case 2: BODY(2); break;
      case 3: BODY(3); break;
      case 4: BODY(4); break;
      case 5: BODY(5); break;
      default: BODY(FLOAT_TOKENS);
    }
#undef BODY
  }
}

/* A chunk as f32. */
INLINE void widen_columns(enum float_type type, const uint8_t *chunk, int columns, int rows, float (*widened)[FLOAT_ROWS]) {
  for (int k = 0; k < columns; k++, chunk += column_bytes(type)) {
    for (int row = 0; row < rows; row += LANES) STORE_FLOATS(widened[k] + row, float_weights(type, chunk, row));
  }
}

/*
 * For a single tile, weights are fetched a little before their turn; for more (`many`), the next chunk during all tiles of a chunk, into the second cache,
 * and a chunk whose widening costs more than one operation is widened once. Rows behind the last that exists are in no result, so their vectors are left out.
 */
INLINE void multiply_float_panel(enum float_type type, int many, const struct product *p, const uint8_t *panel, int rows, float (*sums)[FLOAT_ROWS]) {
  _Alignas(64) float widened[FLOAT_CHUNK][FLOAT_ROWS];
  const int bytes = column_bytes(type), widen = many && type == F16;
  int tiles = (p->tokens + FLOAT_TOKENS - 1) / FLOAT_TOKENS;
  memset(sums, 0, p->tokens * sizeof *sums);
  for (int k = 0; k < p->blocks; k += FLOAT_CHUNK) {
    int columns = p->blocks - k < FLOAT_CHUNK ? p->blocks - k : FLOAT_CHUNK;
    const uint8_t *chunk = panel + (int64_t) k * bytes;
    struct fetching next = {chunk + (many ? columns * bytes : FETCH_AHEAD), bytes / tiles};
    if (widen) {
      widen_columns(type, chunk, columns, rows, widened);
      chunk = (const uint8_t *) widened;
    }
    for (int token = 0; token < p->tokens; token += FLOAT_TOKENS, next.from += columns * next.step) {
      const float *x[FLOAT_TOKENS];
      int some = p->tokens - token < FLOAT_TOKENS ? p->tokens - token : FLOAT_TOKENS;
      for (int t = 0; t < some; t++) x[t] = (const float *) (p->activations + p->offsets[token + t]) + k;
      float_tiles(widen ? F32 : type, some, many ? 0 : bytes / 64, many ? bytes / 128 : 0, next, chunk, columns, rows, x, sums + token);
    }
  }
}

TARGET void NAMED(multiply_floats)(enum float_type type, const struct product *p) {
  _Alignas(64) float sums[MAX_TOKENS][FLOAT_ROWS];
  int many = p->tokens > FLOAT_TOKENS;
  for (int panel = 0; panel < p->panels; panel++) {
    int left = p->rows - panel * FLOAT_ROWS, rows = left < FLOAT_ROWS ? left : FLOAT_ROWS;
    const uint8_t *weights = p->weights + panel * p->panel_bytes;
#define BODY(type, many) multiply_float_panel(type, many, p, weights, rows, sums)
    switch (type) {
      case F32: if (many) BODY(F32, 1); else BODY(F32, 0); break;
      case BF16: if (many) BODY(BF16, 1); else BODY(BF16, 0); break;
      default: if (many) BODY(F16, 1); else BODY(F16, 0);
    }
#undef BODY
    for (int t = 0; t < p->tokens; t++) memcpy(p->y + t * p->y_stride + panel * FLOAT_ROWS, sums[t], rows * sizeof(float));
  }
}
