/*
 * Products of many tokens by the tile unit of x86-64. Included after tile.h, with vectors of 512 bits.
 *
 * A tile of activations, [tokens][columns] bytes, times one of quants, [columns / 4][ROWS][4] bytes, gives one of dot
 * products, [tokens][ROWS] ints. As scales hold for a unit of 32 columns, or of 16, dot products go through memory
 * after every unit, and to scale and add them is most of the work: while the tile unit is in use, vectors of floats
 * have one port instead of two. So a tile has one panel and up to 16 tokens, whose sums fill the registers.
 *
 * The activations of a call are gathered once, and kept for the next one. Panels are walked one after the other, in
 * chunks of columns as in tile.h, whose quants are widened to bytes once for all tokens.
 */
#if defined(__linux__)
#define TILE_ROWS 16
#define LEAST_ROWS 8 /* tokens of a tile: 17 are two tiles of 9 and 8 */
#define GATHERED 32  /* chunks times tiles of tokens that are gathered at once: 384 KiB for each thread that multiplies */

/*
 * sums[n] = x * w, in the tiles 6, 7 and n, as assembly so that the compiler needs no option. A sum is busy for five
 * times as long as the unit works for it: six take turns. Tiles are no clobbers, since old compilers do not know their
 * names and no compiler uses them by itself.
 */
#define TILE_DOT(n, x, row_bytes, w, sums) \
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm6\n\ttileloadd (%2,%4,1), %%tmm7\n\ttilezero %%tmm" #n "\n\t" \
                   "tdpbsud %%tmm7, %%tmm6, %%tmm" #n "\n\ttilestored %%tmm" #n ", %c5(%3,%4,1)" \
                   : : "r"(x), "r"((int64_t) (row_bytes)), "r"(w), "r"(sums), "r"((int64_t) LINE), "i"((n) * TILE_ROWS * LINE) : "memory")

/* What ldtilecfg loads. */
struct tile_shapes {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

/* The activations of a chunk for the tokens of a tile; quants are [TILE_ROWS][columns of a unit], unit after unit. */
struct gathered {
  _Alignas(64) int8_t q[CHUNK * BLOCK * TILE_ROWS];
  float scales[CHUNK][TILE_ROWS];
  float minima[CHUNK][TILE_ROWS];
  int32_t offsets[2 * CHUNK][TILE_ROWS]; /* by unit */
};

/* What a thread gathered last, and of what; version 0: of nothing. */
struct kept {
  enum type type;
  int tokens, blocks;
  const int64_t *offsets;
  int64_t version;
  struct gathered x[GATHERED];
};

/* A chunk of a panel. */
struct widened {
  _Alignas(64) uint8_t bytes[CHUNK * BLOCK * ROWS];
  _Alignas(64) float scales[2 * CHUNK][ROWS], minima[CHUNK][ROWS];
  const uint8_t *quants; /* [columns / 4][ROWS][4]: the bytes, or the panel's own */
  int blocks;
};

/* How a call is cut: tiles have `rows` tokens each, or one less. */
struct plan {
  const struct product *p;
  int chunks, tiles, rows;
};

static inline int first_token(const struct plan *plan, int tile) { return tile * plan->p->tokens / plan->tiles; }

/* Columns with one scale. */
static inline int unit_of(enum type type) { return type == Q6_K ? BLOCK / 2 : BLOCK; }

static inline int has_minima(enum type type) { return type == Q4_K || type == Q5_K; }

static inline int32_t offset_of(enum type type, const struct block *x, int half) {
  switch (type) {
    case Q8_0: return x->offset128;
    case Q4_0: return x->offset8;
    case Q5_0: return x->offset16;
    case Q6_K: return x->offset32[half];
    case MXFP4: return x->offset12;
    default: return 0;
  }
}

INLINE void gather(enum type type, const struct plan *plan, int chunk, int tile, struct gathered *into) {
  int from = chunk * CHUNK, blocks = least(CHUNK, plan->p->blocks - from), unit = unit_of(type), units = BLOCK / unit;
  int first = first_token(plan, tile), tokens = first_token(plan, tile + 1) - first;
  for (int t = 0; t < tokens; t++) {
    const struct block *x = blocks_of(plan->p, first + t) + from;
    for (int b = 0; b < blocks; b++) {
      into->scales[b][t] = x[b].scale;
      if (has_minima(type)) into->minima[b][t] = x[b].minimum;
      for (int i = 0; i < units; i++) {
        memcpy(into->q + ((b * units + i) * TILE_ROWS + t) * unit, x[b].q + i * unit, (size_t) unit);
        if (!has_minima(type)) into->offsets[b * units + i][t] = offset_of(type, x + b, i);
      }
    }
  }
}

INLINE void widen_chunk(enum type type, const struct product *p, const uint8_t *panel, int from, struct widened *into) {
  const uint8_t *q = panel + p->header_bytes + (int64_t) from * quant_bytes(type);
  into->blocks = least(CHUNK, p->blocks - from);
  widen(type, panel, from, into->blocks, into->scales, into->minima);
  if (type == Q8_0) {
    into->quants = q;
    return;
  }
  into->quants = into->bytes;
  for (int b = 0; b < into->blocks; b++, q += quant_bytes(type)) {
    for (int i = 0; i < 8; i++) _mm512_store_si512(into->bytes + (b * 8 + i) * LINE, quants(type, q, i / 4, i % 4));
  }
}

/* Adds the products of a chunk and the tokens of a tile to sums[token][row]. With each unit, `fetch` lines from `ahead` on are fetched. */
INLINE void tile_of_tokens(int tokens, int unit, int minima, const struct widened *w, const struct gathered *x, float *sums, const uint8_t *ahead, int fetch) {
  _Alignas(64) int32_t dots[6 * TILE_ROWS * ROWS];
  const int8_t *xq = x->q;
  const uint8_t *wq = w->quants, *end = wq + w->blocks * BLOCK * ROWS;
  const float *ws = w->scales[0], *wm = w->minima[0], *scales_end = w->scales[w->blocks * BLOCK / unit], *xs = x->scales[0], *xm = x->minima[0];
  const int32_t *offsets = x->offsets[0];
  floats sum[TILE_ROWS];
#pragma GCC unroll 16
  for (int t = 0; t < tokens; t++) sum[t] = LOAD_FLOATS(sums + t * ROWS);
#define BEGIN(n) \
  if (wq != end) { \
    TILE_DOT(n, xq, unit, wq, dots); \
    xq += unit * TILE_ROWS; \
    wq += unit * ROWS; \
  }
/* Dot products begin three units before they are needed, so that scaling never waits and fills no queue. */
#define UNIT(n, later) { \
    BEGIN(later) \
    for (int i = 0; i < fetch; i++, ahead += LINE) __builtin_prefetch(ahead, 0, 3); \
    floats scale = LOAD_FLOATS(ws); \
    for (int t = 0; t < tokens; t++) { \
      ints dot = LOAD(dots + ((n) * TILE_ROWS + t) * ROWS); \
      if (!minima) dot = ADD_INTS(dot, SPREAD_INT(offsets[t])); \
      sum[t] = MULTIPLY_ADD(TO_FLOATS(dot), MULTIPLY(scale, SPREAD(xs[t])), sum[t]); \
      if (minima) sum[t] = MULTIPLY_ADD(LOAD_FLOATS(wm), SPREAD(xm[t]), sum[t]); \
    } \
    ws += ROWS; \
    wm += ROWS; \
    offsets += TILE_ROWS; \
    if (unit == BLOCK || (n) % 2 == 1) xs += TILE_ROWS, xm += TILE_ROWS; \
    if (ws == scales_end) break; \
  }
  BEGIN(0) BEGIN(1) BEGIN(2)
  for (;;) {
    UNIT(0, 3) UNIT(1, 4) UNIT(2, 5) UNIT(3, 0) UNIT(4, 1) UNIT(5, 2)
  }
#undef UNIT
#undef BEGIN
#pragma GCC unroll 16
  for (int t = 0; t < tokens; t++) STORE_FLOATS(sums + t * ROWS, sum[t]);
}

/* tile_of_tokens for each number of tokens. */
typedef void (*tile_function)(const struct widened *w, const struct gathered *x, float *sums, const uint8_t *ahead, int fetch);
#define TILES(X) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)
#define TILE_FUNCTION(kind, T, unit, minima) \
  TARGET static __attribute__((noinline)) void kind##_##T(const struct widened *w, const struct gathered *x, float *sums, const uint8_t *ahead, int fetch) { \
    tile_of_tokens(T, unit, minima, w, x, sums, ahead, fetch); \
  }
#define WITH_OFFSETS(T) TILE_FUNCTION(with_offsets, T, BLOCK, 0)
#define WITH_MINIMA(T) TILE_FUNCTION(with_minima, T, BLOCK, 1)
#define OF_HALVES(T) TILE_FUNCTION(of_halves, T, BLOCK / 2, 0)
TILES(WITH_OFFSETS) TILES(WITH_MINIMA) TILES(OF_HALVES)
#undef WITH_OFFSETS
#undef WITH_MINIMA
#undef OF_HALVES
#define WITH_OFFSETS(T) with_offsets_##T,
#define WITH_MINIMA(T) with_minima_##T,
#define OF_HALVES(T) of_halves_##T,
static const tile_function tile_functions[3][TILE_ROWS - LEAST_ROWS + 1] = {{TILES(WITH_OFFSETS)}, {TILES(WITH_MINIMA)}, {TILES(OF_HALVES)}};

INLINE void chunk_of_panel(enum type type, const struct plan *plan, int panel, int chunk, struct widened *w, const struct gathered *x, float (*sums)[ROWS]) {
  const struct product *p = plan->p;
  const uint8_t *start = p->weights + panel * p->panel_bytes;
  widen_chunk(type, p, start, chunk * CHUNK, w);
  const uint8_t *ahead = start + p->header_bytes + (int64_t) (chunk * CHUNK + w->blocks) * quant_bytes(type);
  int units = w->blocks * BLOCK / unit_of(type), fetch = (w->blocks * quant_bytes(type) / LINE + units * plan->tiles - 1) / (units * plan->tiles);
  for (int tile = 0; tile < plan->tiles; tile++, ahead += units * fetch * LINE) {
    int first = first_token(plan, tile), tokens = first_token(plan, tile + 1) - first;
    tile_functions[has_minima(type) ? 1 : type == Q6_K ? 2 : 0][tokens - LEAST_ROWS](w, x + tile, sums[first], ahead, fetch);
  }
}

INLINE void gather_all(enum type type, const struct plan *plan, struct kept *kept) {
  const struct product *p = plan->p;
  if (p->version != 0 && kept->version == p->version && kept->offsets == p->offsets && kept->tokens == p->tokens &&
      kept->blocks == p->blocks && kept->type == type) {
    return;
  }
  for (int chunk = 0; chunk < plan->chunks; chunk++) {
    for (int tile = 0; tile < plan->tiles; tile++) gather(type, plan, chunk, tile, kept->x + chunk * plan->tiles + tile);
  }
  kept->type = type;
  kept->tokens = p->tokens;
  kept->blocks = p->blocks;
  kept->offsets = p->offsets;
  kept->version = p->version;
}

INLINE void by_tiles(enum type type, const struct plan *plan, struct kept *kept) {
  const struct product *p = plan->p;
  struct widened w;
  _Alignas(64) float sums[MAX_TOKENS][ROWS];
  gather_all(type, plan, kept);
  for (int panel = 0; panel < p->panels; panel++) {
    memset(sums, 0, (size_t) p->tokens * sizeof sums[0]);
    for (int chunk = 0; chunk < plan->chunks; chunk++) chunk_of_panel(type, plan, panel, chunk, &w, kept->x + chunk * plan->tiles, sums);
    size_t bytes = (size_t) least(ROWS, p->rows - panel * ROWS) * sizeof(float);
    for (int t = 0; t < p->tokens; t++) memcpy(p->y + t * p->y_stride + panel * ROWS, sums[t], bytes);
  }
}

TARGET static void multiply_gathered(enum type type, const struct product *p, struct kept *kept) {
  int tiles = (p->tokens + TILE_ROWS - 1) / TILE_ROWS;
  struct plan plan = {p, (p->blocks + CHUNK - 1) / CHUNK, tiles, (p->tokens + tiles - 1) / tiles};
  struct tile_shapes shapes = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    shapes.rows[i] = (uint8_t) (i == 7 ? unit_of(type) / 4 : plan.rows);
    shapes.row_bytes[i] = (uint16_t) (i == 6 ? unit_of(type) : LINE);
  }
  __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
  switch (type) {
    case Q8_0: by_tiles(Q8_0, &plan, kept); break;
    case Q4_0: by_tiles(Q4_0, &plan, kept); break;
    case Q5_0: by_tiles(Q5_0, &plan, kept); break;
    case Q4_K: by_tiles(Q4_K, &plan, kept); break;
    case Q5_K: by_tiles(Q5_K, &plan, kept); break;
    case Q6_K: by_tiles(Q6_K, &plan, kept); break;
    case MXFP4: by_tiles(MXFP4, &plan, kept); break;
    default: break;
  }
  __asm__ volatile("tilerelease");
}

/* Whether tiles are faster: they are with many tokens, and panels enough to gather those for. NativeKernels#agree knows how many that are. */
static inline int worth_gathering(enum type type, const struct product *p) {
  return type == Q8_0 ? p->tokens >= 26 && p->panels >= 8 : p->tokens >= 13 && p->panels >= 4;
}

TARGET void multiply_amx_int8(enum type type, const struct product *p) {
  static _Thread_local struct kept kept;
  int at_once = GATHERED / ((p->blocks + CHUNK - 1) / CHUNK) * TILE_ROWS;
  if (at_once == 0 || !worth_gathering(type, p)) {
    multiply_avx512_vnni(type, p);
    return;
  }
  int parts = (p->tokens + at_once - 1) / at_once;
  for (int i = 0; i < parts; i++) {
    struct product part = *p;
    int first = i * p->tokens / parts;
    part.tokens = (i + 1) * p->tokens / parts - first;
    part.offsets += first;
    part.y += first * p->y_stride;
    multiply_gathered(type, &part, &kept);
  }
}
#endif
