/*
 * The loops of every instruction set. Included by a file that defines
 *
 *   TARGET                       attributes of functions that use the instructions
 *   NAMED(name)                  the name with the instruction set behind it
 *   LANES                        rows in a vector
 *   PANELS, TOKENS               the largest tile whose sums fit the registers
 *   ALONE                        and with a panel alone
 *   ints, floats                 vector types
 *   LOAD(p), BYTES(b)            a vector from memory, at any address; a byte in every byte
 *   LOAD_WIDE(p)                 a lane from each unsigned byte
 *   AND, OR, XOR(a, b), MAX_INTS(a, b)
 *   LEFT, RIGHT(v, bits)         shifts, in lanes of 16 bits or more; the bits are constant
 *   LEFT_BY, RIGHT_BY, SIGNED_RIGHT_BY(v, bits)   shifts in lanes of 32 bits
 *   LOOKUP(table, v)             bytes of a table of 16
 *   SPREAD_INT(i), SPREAD(f)     the same in every lane
 *   SPREAD_MEMORY(p)             the same 4 bytes in every lane
 *   DOT(type, sum, w, x)         sum[lane] += the bytes of w[lane] times the signed bytes of x[lane]
 *   DOT_MEMORY(type, sum, w, p)  the same with 4 bytes of memory in every lane of x
 *   SIGNED_BYTES                 1 if DOT takes signed weights of 8 bits, 0 if unsigned
 *   STORE_BYTES(p, v)            the lowest byte of every lane, packed
 *   HIGHEST_INT(v), SUM_OF_INTS(v)   of all lanes
 *   ADD_INTS, SUBTRACT_INTS(a, b)
 *   TO_FLOATS(v), AS_FLOATS(v), AS_INTS(v), ADD_FLOATS(a, b), MULTIPLY(a, b), MULTIPLY_ADD(a, b, c)
 *   LOAD_FLOATS(p), STORE_FLOATS(p, v), LOAD_HALVES(p)
 *
 * A panel pair is walked in chunks of columns. Of each chunk the scales are widened once; then all tokens pass, a
 * tile at a time, while the quants are in the innermost cache; those of the next chunk are fetched meanwhile, a part
 * of them in each tile, so that memory rests in none, and some farther ones into the second cache. Between chunks the sums rest in memory.
 *
 * Where the processor reads one stream faster than two (AMD's Zen 5: 94 GB/s instead of 79 with two threads), few tokens
 * take a panel alone, header and quants as one stream; their activations are gathered, so that a tile
 * needs one address for all of them.
 */
#include <string.h>

#define INLINE TARGET static inline __attribute__((always_inline))
#define VECTORS (ROWS / LANES)
/* Written out for both halves of a block, tiles of many tokens are 5 to 10 % faster where a vector has so many lanes; with 8 they are slower. */
#if LANES == 16
#define HALVES _Pragma("GCC unroll 2")
#else
#define HALVES
#endif
#define CHUNK 16 /* blocks; whole blocks of 256 columns */
#define AHEAD 2560 /* bytes: 2048 and 4096 are slower, as if memory that far apart were in each other's way */
#define FARTHER 48 /* blocks: what is fetched ahead waits for the second cache then, not for memory, and lets go of its line buffer sooner */
#define AHEAD_ALONE 8704 /* 4608 and 12800: up to 8 % slower */
#define LINE 64
#define MOST_ALONE (3 * ALONE) /* tokens, in tiles; with more, memory is no matter */
#define MOST_TOGETHER 2304 /* blocks of activations, at most: 144 KiB of the stack */
#define MOST_TOKENS (ALONE > TOKENS ? ALONE : TOKENS)

struct chunk {
  _Alignas(64) float scales[PANELS][2 * CHUNK][ROWS]; /* two of a block in Q6_K, else the first CHUNK */
  float minima[PANELS][CHUNK][ROWS];
  int first; /* whether it is the first of its panels: sums begin at zero */
  int blocks;
  const uint8_t *quants[PANELS];
  const uint8_t *ahead[PANELS]; /* what is fetched meanwhile begins here */
  int64_t left; /* bytes from there to the end of the panel */
  int64_t skip; /* from the end of a panel to the one that is walked after it */
};

/* d and m of Q4_K and Q5_K times their 6-bit factors; the scale bytes of a row are three ints in one lane. */
INLINE void widen_k(const uint8_t *p, int lane, float (*scales)[ROWS], float (*minima)[ROWS]) {
  const uint8_t *packed = p + 64 + 4 * lane;
  floats d = LOAD_HALVES(p + 2 * lane), m = LOAD_HALVES(p + 32 + 2 * lane);
  ints s = LOAD(packed), t = LOAD(packed + 64), low = LOAD(packed + 128);
  ints six = BYTES(0x3f), four = BYTES(0x0f), top = BYTES(0x30);
  ints s4[2] = {AND(s, six), OR(AND(low, four), AND(RIGHT(s, 2), top))};
  ints t4[2] = {AND(t, six), OR(AND(RIGHT(low, 4), four), AND(RIGHT(t, 2), top))};
  ints byte = SPREAD_INT(255);
  for (int sub = 0; sub < 8; sub++) {
    int shift = sub % 4 * 8;
    STORE_FLOATS(&scales[sub][lane], MULTIPLY(d, TO_FLOATS(AND(RIGHT_BY(s4[sub / 4], shift), byte))));
    STORE_FLOATS(&minima[sub][lane], MULTIPLY(m, TO_FLOATS(AND(RIGHT_BY(t4[sub / 4], shift), byte))));
  }
}

INLINE void widen_q6k(const uint8_t *p, int lane, float (*scales)[ROWS]) {
  floats d = LOAD_HALVES(p + 2 * lane);
  for (int sub = 0; sub < 16; sub++) {
    ints four = LOAD(p + 32 + sub / 4 * 64 + 4 * lane);
    ints s = SIGNED_RIGHT_BY(LEFT_BY(four, 24 - sub % 4 * 8), 24);
    STORE_FLOATS(&scales[sub][lane], MULTIPLY(d, TO_FLOATS(s)));
  }
}

/* The scales of some blocks of a panel as f32. */
INLINE void widen(enum type type, const uint8_t *panel, int from, int count, float (*scales)[ROWS], float (*minima)[ROWS]) {
  for (int lane = 0; lane < ROWS; lane += LANES) {
    switch (type) {
      case Q8_0: case Q4_0: case Q5_0:
        for (int b = 0; b < count; b++) {
          STORE_FLOATS(&scales[b][lane], LOAD_HALVES(panel + (from + b) * 32 + 2 * lane));
        }
        break;
      case MXFP4:
        for (int b = 0; b < count; b++) {
          /* 2^(e - 128): half of 2^(e - 127), whose bits are e << 23, or those of 2^-127 for e = 0. */
          ints bits = MAX_INTS(LEFT_BY(LOAD_WIDE(panel + (from + b) * 16 + lane), 23), SPREAD_INT(0x00400000));
          STORE_FLOATS(&scales[b][lane], MULTIPLY(AS_FLOATS(bits), SPREAD(0.5f)));
        }
        break;
      case Q4_K: case Q5_K:
        for (int b = 0; b < count; b += 8) {
          widen_k(panel + (from + b) / 8 * 256, lane, scales + b, minima + b);
        }
        break;
      case Q6_K:
        for (int b = 0; b < count; b += 8) {
          widen_q6k(panel + (from + b) / 8 * 288, lane, scales + 2 * b);
        }
        break;
      default:
        break;
    }
  }
}

/* The quants of group 4 half + j, for the rows of a vector; q is at the first of these in a block. */
INLINE ints quants(enum type type, const uint8_t *q, int half, int j) {
  if (type == Q8_0) {
    ints v = LOAD(q + 64 * (4 * half + j));
    return SIGNED_BYTES ? XOR(v, BYTES(0x80)) : v;
  }
  ints v = LOAD(q + 64 * j);
  v = AND(half ? RIGHT(v, 4) : v, BYTES(0x0f));
  if (type == MXFP4) {
    static const int8_t doubled[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};
    return LOOKUP(doubled, v);
  }
  if (type == Q5_0 || type == Q5_K) {
    ints fifth = LOAD(q + 256);
    int bit = 4 * half + j;
    fifth = bit < 4 ? LEFT(fifth, 4 - bit) : RIGHT(fifth, bit - 4);
    return OR(v, AND(fifth, BYTES(0x10)));
  }
  if (type == Q6_K) {
    ints upper = LOAD(q + 256 + 64 * half);
    upper = j < 2 ? LEFT(upper, 4 - 2 * j) : RIGHT(upper, 2 * j - 4);
    return OR(v, AND(upper, BYTES(0x30)));
  }
  return v;
}

/* Where a dot product starts, so that the offsets of the quants are taken off. */
INLINE ints start(enum type type, const struct block *x, int half) {
  switch (type) {
    case Q8_0: return SPREAD_INT(SIGNED_BYTES ? 0 : x->offset128);
    case Q4_0: return SPREAD_INT(x->offset8);
    case Q5_0: return SPREAD_INT(x->offset16);
    case Q6_K: return SPREAD_INT(x->offset32[half]);
    case MXFP4: return SPREAD_INT(x->offset12);
    default: return SPREAD_INT(0);
  }
}

/*
 * Adds the products of a chunk of some panels and tokens to sums[token][panel * ROWS + row]. The blocks of token t are
 * at x[t], or together with those of the others at x[0], [blocks][tokens]. With block b, `fetch` bytes of each panel are
 * fetched from ahead + b * stride on.
 */
INLINE void tile(enum type type, int panels, int tokens, int together, const struct chunk *c, const struct block *const *x, float *sums,
                 int64_t ahead, int64_t stride, int fetch) {
  int vectors = panels * VECTORS;
  floats sum[MOST_TOKENS][PANELS * VECTORS];
  for (int t = 0; t < tokens; t++) {
    for (int v = 0; v < vectors; v++) sum[t][v] = c->first ? SPREAD(0.0f) : LOAD_FLOATS(sums + t * PANELS * ROWS + v * LANES);
  }
  for (int b = 0; b < c->blocks; b++) {
    ints dot[MOST_TOKENS][PANELS * VECTORS];
    const struct block *block[MOST_TOKENS];
    for (int t = 0; t < tokens; t++) block[t] = together ? x[0] + b * tokens + t : x[t] + b;
    int64_t at = ahead + b * stride, far = at + FARTHER * quant_bytes(type);
    if (panels > 1) {
      if (at >= c->left) at += c->skip;
      if (far >= c->left) far += c->skip;
    }
    for (int i = 0; i < fetch; i += LINE) {
      for (int p = 0; p < panels; p++) __builtin_prefetch(c->ahead[p] + at + i, 0, 3);
    }
    if (panels > 1) {
      for (int i = 0; i < fetch; i += LINE) {
        for (int p = 0; p < panels; p++) __builtin_prefetch(c->ahead[p] + far + i, 0, 2);
      }
    }
    HALVES for (int half = 0; half < 2; half++) {
      if (half == 0 || type == Q6_K) {
        for (int t = 0; t < tokens; t++) {
          for (int v = 0; v < vectors; v++) dot[t][v] = start(type, block[t], half);
        }
      }
      for (int j = 0; j < 4; j++) {
        ints w[PANELS * VECTORS];
        for (int v = 0; v < vectors; v++) {
          w[v] = quants(type, c->quants[v / VECTORS] + b * quant_bytes(type) + v % VECTORS * LANES * 4, half, j);
        }
        for (int t = 0; t < tokens; t++) {
          const int8_t *q = block[t]->q + 16 * half + 4 * j;
          if (vectors == 1) {
            DOT_MEMORY(type, dot[t][0], w[0], q);
          } else {
            ints four = SPREAD_MEMORY(q);
            for (int v = 0; v < vectors; v++) DOT(type, dot[t][v], w[v], four);
          }
        }
      }
      if (half == 1 || type == Q6_K) {
        for (int t = 0; t < tokens; t++) {
          floats scale = SPREAD(block[t]->scale);
          for (int v = 0; v < vectors; v++) {
            int row = v % VECTORS * LANES;
            floats w = LOAD_FLOATS(&c->scales[v / VECTORS][type == Q6_K ? 2 * b + half : b][row]);
            sum[t][v] = MULTIPLY_ADD(TO_FLOATS(dot[t][v]), MULTIPLY(w, scale), sum[t][v]);
            if (type == Q4_K || type == Q5_K) {
              floats m = LOAD_FLOATS(&c->minima[v / VECTORS][b][row]);
              sum[t][v] = MULTIPLY_ADD(m, SPREAD(block[t]->minimum), sum[t][v]);
            }
          }
        }
      }
    }
  }
  for (int t = 0; t < tokens; t++) {
    for (int v = 0; v < vectors; v++) STORE_FLOATS(sums + t * PANELS * ROWS + v * LANES, sum[t][v]);
  }
}

/* One tile of any size from some tokens up to the largest. */
INLINE void tile_of(enum type type, int panels, int least_tokens, int tokens, const struct chunk *c, const struct block *const *x,
                    float *sums, int64_t ahead, int fetch) {
#define CASE(P, T) \
  case 8 * P + T: \
    if (P <= PANELS && T <= TOKENS && T >= least_tokens) tile(type, P, T, 0, c, x, sums, ahead, fetch, fetch); \
    return;
  switch (8 * panels + tokens) {
    CASE(1, 1) CASE(1, 2) CASE(1, 3) CASE(1, 4) CASE(1, 5) CASE(1, 6)
    CASE(2, 1) CASE(2, 2) CASE(2, 3) CASE(2, 4) CASE(2, 5) CASE(2, 6)
    default: __builtin_unreachable();
  }
#undef CASE
}

/* A tile of a panel alone; x has the blocks of all its tokens. */
INLINE void tile_alone(enum type type, int least_tokens, int tokens, const struct chunk *c, const struct block *x, float *sums,
                       int64_t stride, int fetch) {
#define CASE(T) \
  case T: \
    if (T <= ALONE && T >= least_tokens) tile(type, 1, T, 1, c, &x, sums, 0, stride, fetch); \
    return;
  switch (tokens) {
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
    default: __builtin_unreachable();
  }
#undef CASE
}

INLINE int least(int a, int b) { return a < b ? a : b; }

/* Some blocks of some panels, with their scales. */
INLINE void enter_chunk(enum type type, const struct product *p, int panel, int panels, int from, struct chunk *c) {
  c->first = from == 0;
  c->blocks = least(CHUNK, p->blocks - from);
  for (int i = 0; i < panels; i++) {
    const uint8_t *w = p->weights + (panel + i) * p->panel_bytes;
    c->quants[i] = w + p->header_bytes + (int64_t) from * quant_bytes(type);
    widen(type, w, from, c->blocks, c->scales[i], c->minima[i]);
  }
}

/* All tokens with a chunk of one or two panels. */
INLINE void chunk_of(enum type type, const struct product *p, int panels, int from, const struct chunk *c, float *sums) {
  const struct block *x[TOKENS];
  int whole = quant_bytes(type), tiles = (p->tokens + TOKENS - 1) / TOKENS;
  if (tiles == 1) {
    for (int t = 0; t < p->tokens; t++) x[t] = blocks_of(p, t) + from;
    tile_of(type, panels, 1, p->tokens, c, x, sums, 0, whole);
    return;
  }
  int fetch = (whole / LINE + tiles - 1) / tiles * LINE;
  int64_t ahead = 0;
  for (int token = 0; token < p->tokens; tiles--) {
    /* Tiles of about the same size rather than full ones and a small rest. */
    int tokens = (p->tokens - token + tiles - 1) / tiles;
    for (int t = 0; t < tokens; t++) x[t] = blocks_of(p, token + t) + from;
    tile_of(type, panels, (TOKENS + 1) / 2, tokens, c, x, sums + token * PANELS * ROWS, ahead, ahead < CHUNK * whole ? fetch : 0);
    ahead += CHUNK * fetch;
    token += tokens;
  }
}

/* All tokens with one or two panels; sums is [tokens][PANELS * ROWS]. */
INLINE void panels_of(enum type type, const struct product *p, int panel, int panels, float *sums) {
  struct chunk c;
  int start = AHEAD / quant_bytes(type) * quant_bytes(type);
  for (int from = 0; from < p->blocks; from += CHUNK) {
    enter_chunk(type, p, panel, panels, from, &c);
    for (int i = 0; i < panels; i++) c.ahead[i] = c.quants[i] + start;
    c.left = (int64_t) (p->blocks - from) * quant_bytes(type) - start;
    c.skip = (panels - 1) * p->panel_bytes;
    chunk_of(type, p, panels, from, &c, sums);
  }
}

/* The tokens of a tile that begins at one: tiles of about the same size. */
INLINE int tokens_of_tile(int tokens, int first) {
  int tiles = (tokens - first + ALONE - 1) / ALONE;
  return (tokens - first + tiles - 1) / tiles;
}

/* All tokens with one panel; x is, tile after tile, [blocks][tokens of the tile]. The first tile fetches. */
INLINE void panel_alone(enum type type, const struct product *p, int panel, const struct block *x, float *sums) {
  struct chunk c;
  int64_t stride = p->panel_bytes / p->blocks;
  for (int from = 0; from < p->blocks; from += CHUNK) {
    enter_chunk(type, p, panel, 1, from, &c);
    c.ahead[0] = p->weights + panel * p->panel_bytes + from * stride + AHEAD_ALONE;
    int count = tokens_of_tile(p->tokens, 0);
    tile_alone(type, 1, count, &c, x + from * count, sums, stride, quant_bytes(type) + LINE);
    for (int token = count; token < p->tokens; token += count) {
      count = tokens_of_tile(p->tokens, token);
      tile_alone(type, ALONE / 2, count, &c, x + token * p->blocks + from * count, sums + token * PANELS * ROWS, 0, 0);
    }
  }
}

#define EACH_TYPE(of) of(Q8_0) of(Q4_0) of(Q5_0) of(Q4_K) of(Q5_K) of(Q6_K) of(MXFP4)

TARGET static __attribute__((noinline)) void NAMED(product_of)(enum type type, const struct product *p, int panel, int panels, float *sums) {
#define CASE(type) case type: panels_of(type, p, panel, panels, sums); break;
  switch (type) {
    EACH_TYPE(CASE)
    default: break;
  }
#undef CASE
}

/* From sums of some panels to results. */
INLINE void copy_out(const struct product *p, int panel, int panels, const float *sums) {
  int rows = least(panels * ROWS, p->rows - panel * ROWS);
  for (int t = 0; t < p->tokens; t++) {
    memcpy(p->y + t * p->y_stride + panel * ROWS, sums + t * PANELS * ROWS, (size_t) rows * sizeof(float));
  }
}

/* Few tokens, panel after panel. */
TARGET static __attribute__((noinline)) void NAMED(multiply_alone)(enum type type, const struct product *p) {
  _Alignas(64) struct block together[MOST_TOGETHER];
  _Alignas(64) float sums[MOST_ALONE * PANELS * ROWS];
  const struct block *x = together;
  if (p->tokens == 1) {
    x = blocks_of(p, 0);
  } else {
    for (int token = 0, count; token < p->tokens; token += count) {
      count = tokens_of_tile(p->tokens, token);
      for (int t = 0; t < count; t++) {
        for (int b = 0; b < p->blocks; b++) together[token * p->blocks + b * count + t] = blocks_of(p, token + t)[b];
      }
    }
  }
  for (int panel = 0; panel < p->panels; panel++) {
#define CASE(type) case type: panel_alone(type, p, panel, x, sums); break;
    switch (type) {
      EACH_TYPE(CASE)
      default: break;
    }
#undef CASE
    copy_out(p, panel, 1, sums);
  }
}

INLINE int goes_alone(const struct product *p) {
  return p->one_stream && p->tokens <= MOST_ALONE && (p->tokens == 1 || p->tokens * p->blocks <= MOST_TOGETHER);
}

TARGET void NAMED(multiply)(enum type type, const struct product *p) {
  if (goes_alone(p)) {
    NAMED(multiply_alone)(type, p);
    return;
  }
  _Alignas(64) float sums[MAX_TOKENS * PANELS * ROWS];
  for (int panel = 0; panel < p->panels; panel += PANELS) {
    int panels = least(PANELS, p->panels - panel);
    NAMED(product_of)(type, p, panel, panels, sums);
    copy_out(p, panel, panels, sums);
  }
}
