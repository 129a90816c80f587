/*
 * Writes the stored blocks of 16 rows, or 64 rows of floating point, as a panel. What lies where is written in the javadoc of
 * dev.consilium.tensor.QuantLayout and PackedMatrix; plain C, since memory is what bounds it.
 */
#include "consilium_kernels.h"

#include <string.h>

#define LOWER_HALVES 0x0f0f0f0fu
#define UPPER_HALVES 0xf0f0f0f0u

/* The panel that is written, and the block of 32 or 256 columns of one row that is read. */
struct place {
  const uint8_t *from;
  uint8_t *scales; /* of that block, the first row's */
  uint8_t *quants;
  int row;
};

static inline uint32_t load(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void store(uint8_t *p, uint32_t v) { memcpy(p, &v, sizeof v); }

/* Copies a binary16; 1 if it is infinite or NaN. */
static inline int copy_half(const uint8_t *from, uint8_t *to) {
  uint16_t half;
  memcpy(&half, from, sizeof half);
  memcpy(to, &half, sizeof half);
  return (half & 0x7c00) == 0x7c00;
}

/* Halves of a byte that are columns i and i + 16 already. */
static inline void copy_nibbles(const uint8_t *from, uint8_t *to) {
  for (int group = 0; group < 4; group++) store(to + group * 64, load(from + group * 4));
}

static inline int pack_q8_0(struct place p) {
  for (int group = 0; group < 8; group++) {
    store(p.quants + group * 64, load(p.from + 2 + group * 4) ^ 0x80808080u); /* the sign bit flipped: 128 added */
  }
  return copy_half(p.from, p.scales + p.row * 2);
}

static inline int pack_q4_0(struct place p) {
  copy_nibbles(p.from + 2, p.quants);
  return copy_half(p.from, p.scales + p.row * 2);
}

static inline int pack_q5_0(struct place p) {
  uint32_t stored = load(p.from + 2), fifth = 0;
  for (int group = 0; group < 8; group++) {
    for (int i = 0; i < 4; i++) fifth |= (stored >> (4 * group + i) & 1) << (8 * i + group);
  }
  copy_nibbles(p.from + 6, p.quants);
  store(p.quants + 256, fifth);
  return copy_half(p.from, p.scales + p.row * 2);
}

static inline int pack_mxfp4(struct place p) {
  copy_nibbles(p.from + 1, p.quants);
  p.scales[p.row] = p.from[0];
  return p.from[0] > 252;
}

/* d, m, and the bytes with the scales of the sub-blocks. */
static inline int pack_k_scales(struct place p) {
  for (int i = 0; i < 3; i++) store(p.scales + 64 + i * 64 + p.row * 4, load(p.from + 4 + i * 4));
  return copy_half(p.from, p.scales + p.row * 2) | copy_half(p.from + 2, p.scales + 32 + p.row * 2);
}

/* 32 stored bytes hold two sub-blocks, one in the lower halves and one in the upper. */
static inline void pack_k_nibbles(const uint8_t *from, uint8_t *to, int sub_bytes) {
  for (int pair = 0; pair < 4; pair++, from += 32, to += 2 * sub_bytes) {
    for (int group = 0; group < 4; group++) {
      uint32_t first = load(from + group * 4), second = load(from + 16 + group * 4);
      store(to + group * 64, (first & LOWER_HALVES) | (second & LOWER_HALVES) << 4);
      store(to + sub_bytes + group * 64, (first >> 4 & LOWER_HALVES) | (second & UPPER_HALVES));
    }
  }
}

static inline int pack_q4_k(struct place p) {
  pack_k_nibbles(p.from + 16, p.quants, 256);
  return pack_k_scales(p);
}

static inline int pack_q5_k(struct place p) {
  for (int sub = 0; sub < 8; sub++) {
    uint32_t fifth = 0;
    for (int group = 0; group < 8; group++) fifth |= (load(p.from + 16 + group * 4) >> sub & 0x01010101u) << group;
    store(p.quants + sub * 320 + 256, fifth);
  }
  pack_k_nibbles(p.from + 48, p.quants, 320);
  return pack_k_scales(p);
}

static inline int pack_q6_k(struct place p) {
  for (int sub = 0; sub < 8; sub++) {
    const uint8_t *lower = p.from + sub / 4 * 64 + sub % 2 * 32, *upper = p.from + 128 + sub / 4 * 32;
    int lower_shift = sub % 4 / 2 * 4, upper_shift = sub % 4 * 2;
    uint8_t *to = p.quants + sub * 384;
    uint32_t upper_of_first = 0, upper_of_second = 0;
    for (int group = 0; group < 4; group++) {
      uint32_t first = load(lower + group * 4) >> lower_shift, second = load(lower + 16 + group * 4) >> lower_shift;
      store(to + group * 64, (first & LOWER_HALVES) | (second & LOWER_HALVES) << 4);
      upper_of_first |= (load(upper + group * 4) >> upper_shift & 0x03030303u) << 2 * group;
      upper_of_second |= (load(upper + 16 + group * 4) >> upper_shift & 0x03030303u) << 2 * group;
    }
    store(to + 256, upper_of_first);
    store(to + 320, upper_of_second);
  }
  for (int i = 0; i < 4; i++) store(p.scales + 32 + i * 64 + p.row * 4, load(p.from + 192 + i * 4));
  return copy_half(p.from + 208, p.scales + p.row * 2);
}

static inline int pack_block(enum type type, struct place p) {
  switch (type) {
    case Q8_0: return pack_q8_0(p);
    case Q4_0: return pack_q4_0(p);
    case Q5_0: return pack_q5_0(p);
    case Q4_K: return pack_q4_k(p);
    case Q5_K: return pack_q5_k(p);
    case Q6_K: return pack_q6_k(p);
    default: return pack_mxfp4(p);
  }
}

/*
 * One panel: for each block of columns all rows, so that it is written from its start to its end. Returns a bit for each row with
 * a wrong scale. Inlined for each type, so that the sizes are constants.
 */
static inline __attribute__((always_inline)) unsigned pack_panel(enum type type, int block_bytes, int scale_bytes, const uint8_t *rows,
                                                                 int blocks, int subs, uint8_t *panel, int64_t header_bytes) {
  unsigned wrong = 0;
  for (int block = 0; block < blocks; block++) {
    for (int row = 0; row < ROWS; row++) {
      struct place p = {
        rows + ((int64_t) row * blocks + block) * block_bytes,
        panel + (int64_t) block * scale_bytes,
        panel + header_bytes + (int64_t) block * subs * quant_bytes(type) + row * 4,
        row,
      };
      wrong |= (unsigned) pack_block(type, p) << row;
    }
  }
  return wrong;
}

static inline __attribute__((always_inline)) int pack(enum type type, int block_bytes, int scale_bytes, int block_columns, const uint8_t *rows,
                                                      int columns, uint8_t *panels, int count, int64_t panel_bytes, int64_t header_bytes) {
  int blocks = columns / block_columns, first_wrong = -1;
  for (int i = 0; i < count; i++) {
    unsigned wrong = pack_panel(type, block_bytes, scale_bytes, rows + (int64_t) i * ROWS * blocks * block_bytes, blocks,
                                block_columns / BLOCK, panels + i * panel_bytes, header_bytes);
    if (wrong && first_wrong < 0) first_wrong = i * ROWS + __builtin_ctz(wrong);
  }
  return first_wrong;
}

int pack_panels(enum type type, const uint8_t *rows, int columns, uint8_t *panels, int count, int64_t panel_bytes, int64_t header_bytes) {
#define PACK(type, block_bytes, scale_bytes, block_columns) \
  pack(type, block_bytes, scale_bytes, block_columns, rows, columns, panels, count, panel_bytes, header_bytes)
  switch (type) {
    case Q8_0: return PACK(Q8_0, 34, 32, 32);
    case Q4_0: return PACK(Q4_0, 18, 32, 32);
    case Q5_0: return PACK(Q5_0, 22, 32, 32);
    case Q4_K: return PACK(Q4_K, 144, 256, 256);
    case Q5_K: return PACK(Q5_K, 176, 256, 256);
    case Q6_K: return PACK(Q6_K, 210, 288, 256);
    default: return PACK(MXFP4, 17, 16, 32);
  }
}

#define COLUMNS_AT_ONCE 32 /* of 64 rows: what is written stays in the first cache */

/* Rows of 4 bytes as they are. Returns whether one is infinite or NaN: an exponent of all ones. */
static inline int pack_words(const uint8_t *from, int columns, uint8_t *to) {
  int wrong = 0;
  for (int column = 0; column < columns; column++) {
    uint32_t bits = load(from + column * 4);
    wrong |= (bits & 0x7f800000u) == 0x7f800000u;
    store(to + column * FLOAT_ROWS * 4, bits);
  }
  return wrong;
}

/* Rows of 2 bytes, `exponent` their exponent's bits. */
static inline int pack_halves(const uint8_t *from, int columns, uint8_t *to, uint16_t exponent) {
  int wrong = 0;
  for (int column = 0; column < columns; column++) {
    uint16_t bits;
    memcpy(&bits, from + column * 2, sizeof bits);
    wrong |= (bits & exponent) == exponent;
    memcpy(to + column * FLOAT_ROWS * 2, &bits, sizeof bits);
  }
  return wrong;
}

/* Where in a column of halves a row is: rows j and j + 16 of 32 are the halves of an int. */
static inline int place_of_half(int row) { return row / 32 * 64 + row % 16 * 4 + row / 16 % 2 * 2; }

int pack_float_panels(enum float_type type, const uint8_t *rows, int columns, uint8_t *panels, int count) {
  int size = type == F32 ? 4 : 2, first_wrong = -1;
  for (int panel = 0; panel < count; panel++, panels += (int64_t) columns * FLOAT_ROWS * size) {
    uint64_t wrong = 0;
    for (int column = 0; column < columns; column += COLUMNS_AT_ONCE) {
      int some = columns - column < COLUMNS_AT_ONCE ? columns - column : COLUMNS_AT_ONCE;
      uint8_t *to = panels + (int64_t) column * FLOAT_ROWS * size;
      for (int row = 0; row < FLOAT_ROWS; row++) {
        const uint8_t *from = rows + (((int64_t) panel * FLOAT_ROWS + row) * columns + column) * size;
        int bad = type == F32 ? pack_words(from, some, to + row * 4)
                              : pack_halves(from, some, to + place_of_half(row), type == BF16 ? 0x7f80 : 0x7c00);
        wrong |= (uint64_t) bad << row;
      }
    }
    if (wrong && first_wrong < 0) first_wrong = panel * FLOAT_ROWS + __builtin_ctzll(wrong);
  }
  return first_wrong;
}
