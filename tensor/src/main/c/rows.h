/*
 * The kernels that walk rows of activations, included behind attention_tile.h by a file that defines, besides,
 *
 *   STORE_HALVES(p, v)      binary16 from f32, ties to even
 *   DIVIDE(a, b)
 *   WHERE_ABOVE(x, c, a, b) a where x > c, else b
 *
 * What they compute, bit for bit, is written in the javadoc of dev.consilium.tensor.Kernels.
 */
/* Kernels#quantise: activations in blocks of 8 bits. */
INLINE void quantise_block(const float *x, struct block *into) {
  ints most = SPREAD_INT(0), sum[2] = {most, most};
  for (int i = 0; i < BLOCK; i += LANES) most = MAX_INTS(most, AND(AS_INTS(LOAD_FLOATS(x + i)), SPREAD_INT(0x7fffffff)));
  int32_t magnitude = HIGHEST_INT(most);
  float largest;
  memcpy(&largest, &magnitude, sizeof largest);
  if (largest >= 0x1p-119f && largest < __builtin_inff()) {
    floats inverse = SPREAD(127.0f / largest), rounder = SPREAD(0x1.8p23f); /* rounds to the nearest integer, ties to even */
    for (int i = 0; i < BLOCK; i += LANES) {
      ints q = SUBTRACT_INTS(AS_INTS(ADD_FLOATS(MULTIPLY(LOAD_FLOATS(x + i), inverse), rounder)), SPREAD_INT(0x4b400000));
      STORE_BYTES(into->q + i, q);
      sum[2 * i / BLOCK] = ADD_INTS(sum[2 * i / BLOCK], q);
    }
  } else {
    memset(into->q, 0, sizeof into->q);
  }
  int sums[] = {SUM_OF_INTS(sum[0]), SUM_OF_INTS(sum[1])}, both = sums[0] + sums[1];
  float scale = largest < 0x1p-119f ? 0.0f : largest / 127.0f;
  if (!(scale < __builtin_inff())) scale = __builtin_nanf("");
  into->scale = scale;
  into->minimum = -(scale * (float) both);
  into->offset8 = -8 * both;
  into->offset12 = -12 * both;
  into->offset16 = -16 * both;
  into->offset128 = -128 * both;
  into->offset32[0] = -32 * sums[0];
  into->offset32[1] = -32 * sums[1];
}

TARGET void NAMED(quantise)(const float *x, int n, struct block *into) {
  for (int i = 0; i < n; i += BLOCK) quantise_block(x + i, into + i / BLOCK);
}

/* The lanes are those of a vector of ROWS, whatever LANES is. */
INLINE float sum_of_squares(const float *x, int n) {
  _Alignas(64) float lanes[ROWS];
  floats sum[VECTORS];
  EACH(v, VECTORS) sum[v] = SPREAD(0.0f);
  int whole = n / ROWS * ROWS;
  for (int i = 0; i < whole; i += ROWS) {
    EACH(v, VECTORS) {
      floats value = LOAD_FLOATS(x + i + v * LANES);
      sum[v] = MULTIPLY_ADD(value, value, sum[v]);
    }
  }
  EACH(v, VECTORS) STORE_FLOATS(lanes + v * LANES, sum[v]);
  for (int i = whole; i < n; i++) lanes[i - whole] = __builtin_fmaf(x[i], x[i], lanes[i - whole]);
  return sum_of_lanes(lanes);
}

/* Kernels#rmsNorm, of vectors one behind the other. */
TARGET void NAMED(rms_norm)(const float *x, int count, int n, const float *weight, float epsilon, float *y) {
  for (; count > 0; count--, x += n, y += n) {
    float factor = 1.0f / __builtin_sqrtf(sum_of_squares(x, n) / (float) n + epsilon);
    int whole = n / LANES * LANES;
    for (int i = 0; i < whole; i += LANES) {
      STORE_FLOATS(y + i, MULTIPLY(LOAD_FLOATS(weight + i), MULTIPLY(LOAD_FLOATS(x + i), SPREAD(factor))));
    }
    for (int i = whole; i < n; i++) y[i] = weight[i] * (x[i] * factor);
  }
}

/* Kernels#rotate, of vectors at a distance. */
TARGET void NAMED(rotate)(float *x, int count, int64_t distance, int half, const float *cos_sin) {
  floats sign = AS_FLOATS(SPREAD_INT((int) 0x80000000));
  for (; count > 0; count--, x += distance) {
    int whole = half / LANES * LANES;
    for (int i = 0; i < whole; i += LANES) {
      floats cos = LOAD_FLOATS(cos_sin + i), sin = LOAD_FLOATS(cos_sin + half + i);
      floats a = LOAD_FLOATS(x + i), b = LOAD_FLOATS(x + half + i);
      floats turned = AS_FLOATS(XOR(AS_INTS(MULTIPLY(b, sin)), AS_INTS(sign)));
      STORE_FLOATS(x + i, MULTIPLY_ADD(a, cos, turned));
      STORE_FLOATS(x + half + i, MULTIPLY_ADD(b, cos, MULTIPLY(a, sin)));
    }
    for (int i = whole; i < half; i++) {
      float cos = cos_sin[i], sin = cos_sin[half + i], a = x[i], b = x[half + i];
      x[i] = __builtin_fmaf(a, cos, -(b * sin));
      x[half + i] = __builtin_fmaf(b, cos, a * sin);
    }
  }
}

/* gate / (1 + e^-gate) * up. */
INLINE floats silu_of(floats gate, floats up) {
  floats x = AS_FLOATS(XOR(AS_INTS(gate), SPREAD_INT((int) 0x80000000)));
  floats e = WHERE_ABOVE(x, SPREAD(88.72283f), SPREAD(__builtin_inff()), exponential(x));
  return MULTIPLY(DIVIDE(gate, ADD_FLOATS(e, SPREAD(1.0f))), up);
}

/* Kernels#siluMultiply. */
INLINE void silu_multiply(const float *gate, const float *up, int n, float *y) {
  int whole = n / LANES * LANES;
  for (int i = 0; i < whole; i += LANES) STORE_FLOATS(y + i, silu_of(LOAD_FLOATS(gate + i), LOAD_FLOATS(up + i)));
  if (whole < n) {
    _Alignas(64) float rest[2][LANES] = {{0}};
    memcpy(rest[0], gate + whole, (n - whole) * sizeof(float));
    memcpy(rest[1], up + whole, (n - whole) * sizeof(float));
    STORE_FLOATS(rest[0], silu_of(LOAD_FLOATS(rest[0]), LOAD_FLOATS(rest[1])));
    memcpy(y + whole, rest[0], (n - whole) * sizeof(float));
  }
}

/* Kernels#add, #scale and #multiplyAdd: of a vector's lane or of an element. */
#define EACH_ELEMENT(of_lanes, of_element) \
  for (; i + LANES <= n; i += LANES) { STORE_FLOATS(y + i, of_lanes); } \
  for (; i < n; i++) { y[i] = of_element; }

TARGET void NAMED(elements)(enum operation operation, float factor, const float *a, const float *b, int n, float *y) {
  int i = 0;
  switch (operation) {
    case SILU_MULTIPLY: silu_multiply(a, b, n, y); break;
    case ADD: EACH_ELEMENT(ADD_FLOATS(LOAD_FLOATS(y + i), LOAD_FLOATS(a + i)), y[i] + a[i]) break;
    case SCALE: EACH_ELEMENT(MULTIPLY(LOAD_FLOATS(y + i), SPREAD(factor)), y[i] * factor) break;
    case FMA: EACH_ELEMENT(MULTIPLY_ADD(LOAD_FLOATS(a + i), SPREAD(factor), LOAD_FLOATS(y + i)), __builtin_fmaf(a[i], factor, y[i])) break;
  }
}

#define INFINITE 0x7f800000 /* the bits of an infinity; those of a NaN are more */

/* Elements of a head as a cache holds them, unless it holds f32; whole groups and vectors. */
union elements {
  uint16_t f16[MAX_HEAD];
  int8_t q8[MAX_HEAD];
};

/* Replaces infinities that were finite numbers by the largest finite one. */
INLINE void stay_finite(const float *row, int n, uint16_t infinity, uint16_t *narrow) {
  const four_bytes *bits = (const four_bytes *) row;
  for (int d = 0; d < n; d++) narrow[d] -= (narrow[d] & 0x7fff) == infinity && (bits[d] & 0x7fffffff) < INFINITE;
}

/* Returns the scale of a group. */
INLINE float quantise_group(const float *x, int8_t *q) {
  const four_bytes *bits = (const four_bytes *) x;
  int32_t most = 0;
  for (int i = 0; i < GROUP; i++) most = (bits[i] & 0x7fffffff) > most ? bits[i] & 0x7fffffff : most;
  float largest;
  memcpy(&largest, &most, sizeof largest);
  if (most >= INFINITE || largest < 0x1p-119f) {
    memset(q, 0, GROUP);
    return most >= INFINITE ? __builtin_nanf("") : 0.0f;
  }
  if (largest > 0x1.fffffp127f) largest = 0x1.fffffp127f; /* so that the scale times 127 is finite, however it is rounded */
  float factor = 127.0f / largest;
  for (int i = 0; i < GROUP; i++) q[i] = (int8_t) __builtin_rintf(x[i] * factor);
  return largest / 127.0f;
}

/* Kernels#storeKeyValue, of a row whose elements, and scales, are at a distance from each other. */
TARGET static __attribute__((noinline)) void NAMED(store_row)(enum cache cache, const float *x, int n, uint8_t *at, int distance,
                                                              float *scales, int scale_distance) {
  _Alignas(64) float row[MAX_HEAD];
  _Alignas(64) union elements narrow;
  int filled = (n + GROUP - 1) / GROUP * GROUP;
  memcpy(row, x, n * sizeof(float));
  for (int d = n; d < filled; d++) row[d] = 0;
  switch (cache) {
    case CACHE_F32:
      for (int d = 0; d < n; d++) ((float *) at)[d * distance] = row[d];
      return;
    case CACHE_F16:
      for (int d = 0; d < filled; d += LANES) STORE_HALVES(narrow.f16 + d, LOAD_FLOATS(row + d));
      stay_finite(row, filled, 0x7c00, narrow.f16);
      break;
    case CACHE_BF16:
      for (int d = 0; d < filled; d++) {
        uint32_t bits = (uint32_t) ((const four_bytes *) row)[d];
        narrow.f16[d] = (bits & 0x7fffffff) > INFINITE ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
      }
      stay_finite(row, filled, 0x7f80, narrow.f16);
      break;
    default:
      for (int d = 0; d < filled; d += GROUP) scales[d / GROUP * scale_distance] = quantise_group(row + d, narrow.q8 + d);
      for (int d = 0; d < n; d++) ((int8_t *) at)[d * distance] = narrow.q8[d];
      return;
  }
  for (int d = 0; d < n; d++) ((uint16_t *) at)[d * distance] = narrow.f16[d];
}

TARGET void NAMED(store)(const struct storing *s) {
  int groups = group_count(s->cache, s->head_dim), scales = groups * SLOTS * (int) sizeof(float), bytes = cache_bytes(s->cache);
  int padded = padded_dim(s->head_dim);
  for (int token = 0; token < s->tokens; token++) {
    int slot = (s->position + token) % SLOTS;
    uint8_t *keys = s->pool + s->offsets[(s->position + token) / SLOTS];
    int64_t skip = token * s->stride;
    for (int head = 0; head < s->kv_heads; head++) {
      uint8_t *values = keys + s->values_at;
      NAMED(store_row)(s->cache, s->keys + skip, s->head_dim, keys + scales + slot * bytes, SLOTS, (float *) keys + slot, SLOTS);
      if (!s->prefix) {
        NAMED(store_row)(s->cache, s->values + skip, s->head_dim, values + scales + slot * padded * bytes, 1, (float *) values + slot * groups, 1);
      }
      skip += s->head_dim;
      keys += s->kv_head_bytes;
    }
  }
}
