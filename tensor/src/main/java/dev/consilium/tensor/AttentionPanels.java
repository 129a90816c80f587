package dev.consilium.tensor;

import static dev.consilium.tensor.AttentionShape.BLOCK_TOKENS;
import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * The innermost loops of {@link VectorAttention}: four rows by four vectors, whose sums fill half
 * of 32 registers; more of them and the first compiler tier gives up.
 */
final class AttentionPanels {
  /** Rows of a group. */
  static final int ROWS = 4;

  private static final long KEY_BYTES = BLOCK_TOKENS * 4L;
  private static final long WEIGHT_BYTES = AttentionTile.SPAN * 4L;

  /** Twice as many as floats where vectors are the shortest. */
  private static final int BYTE_COUNT = Lanes.QUARTER_BYTES.length();

  private static final int F16_MAGNITUDE = 0x7fff << 13;
  private static final int F16_INFINITY = 0x7c00 << 13;
  private static final int REBIAS = 112 << 23;
  private static final int REBIAS_SUBNORMAL = 113 << 23;
  private static final float LEAST_NORMAL = 0x1p-14f;

  private AttentionPanels() {}

  /**
   * Scores of four rows and four vectors of keys: one chain over the elements of the head each.
   *
   * @param k0 where the keys of the first vector have their first element
   * @param query {@code [headDim][4]}
   * @param at of the first row's scores; rows are 64 apart
   */
  static void score4(
      MemorySegment keys,
      long k0,
      long k1,
      long k2,
      long k3,
      int headDim,
      MemorySegment scratch,
      long query,
      long at) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s22 = s00;
    FloatVector s23 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    FloatVector s32 = s00;
    FloatVector s33 = s00;
    for (int d = 0; d < headDim; d++) {
      long k = d * KEY_BYTES;
      long q = query + d * (ROWS * 4L);
      FloatVector key0 = FloatVector.fromMemorySegment(FLOATS, keys, k0 + k, ORDER);
      FloatVector key1 = FloatVector.fromMemorySegment(FLOATS, keys, k1 + k, ORDER);
      FloatVector key2 = FloatVector.fromMemorySegment(FLOATS, keys, k2 + k, ORDER);
      FloatVector key3 = FloatVector.fromMemorySegment(FLOATS, keys, k3 + k, ORDER);
      FloatVector q0 = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, q));
      s00 = key0.fma(q0, s00);
      s01 = key1.fma(q0, s01);
      s02 = key2.fma(q0, s02);
      s03 = key3.fma(q0, s03);
      FloatVector q1 = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, q + 4));
      s10 = key0.fma(q1, s10);
      s11 = key1.fma(q1, s11);
      s12 = key2.fma(q1, s12);
      s13 = key3.fma(q1, s13);
      FloatVector q2 = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, q + 8));
      s20 = key0.fma(q2, s20);
      s21 = key1.fma(q2, s21);
      s22 = key2.fma(q2, s22);
      s23 = key3.fma(q2, s23);
      FloatVector q3 = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, q + 12));
      s30 = key0.fma(q3, s30);
      s31 = key1.fma(q3, s31);
      s32 = key2.fma(q3, s32);
      s33 = key3.fma(q3, s33);
    }
    s00.intoMemorySegment(scratch, at, ORDER);
    s01.intoMemorySegment(scratch, at + BYTES, ORDER);
    s02.intoMemorySegment(scratch, at + 2 * BYTES, ORDER);
    s03.intoMemorySegment(scratch, at + 3 * BYTES, ORDER);
    s10.intoMemorySegment(scratch, at + WEIGHT_BYTES, ORDER);
    s11.intoMemorySegment(scratch, at + WEIGHT_BYTES + BYTES, ORDER);
    s12.intoMemorySegment(scratch, at + WEIGHT_BYTES + 2 * BYTES, ORDER);
    s13.intoMemorySegment(scratch, at + WEIGHT_BYTES + 3 * BYTES, ORDER);
    s20.intoMemorySegment(scratch, at + 2 * WEIGHT_BYTES, ORDER);
    s21.intoMemorySegment(scratch, at + 2 * WEIGHT_BYTES + BYTES, ORDER);
    s22.intoMemorySegment(scratch, at + 2 * WEIGHT_BYTES + 2 * BYTES, ORDER);
    s23.intoMemorySegment(scratch, at + 2 * WEIGHT_BYTES + 3 * BYTES, ORDER);
    s30.intoMemorySegment(scratch, at + 3 * WEIGHT_BYTES, ORDER);
    s31.intoMemorySegment(scratch, at + 3 * WEIGHT_BYTES + BYTES, ORDER);
    s32.intoMemorySegment(scratch, at + 3 * WEIGHT_BYTES + 2 * BYTES, ORDER);
    s33.intoMemorySegment(scratch, at + 3 * WEIGHT_BYTES + 3 * BYTES, ORDER);
  }

  /** As {@link #score4}, the first row only. */
  static void score1(
      MemorySegment keys,
      long k0,
      long k1,
      long k2,
      long k3,
      int headDim,
      MemorySegment scratch,
      long query,
      long at) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int d = 0; d < headDim; d++) {
      long k = d * KEY_BYTES;
      float element = scratch.get(JAVA_FLOAT, query + d * (ROWS * 4L));
      FloatVector q = FloatVector.broadcast(FLOATS, element);
      s0 = FloatVector.fromMemorySegment(FLOATS, keys, k0 + k, ORDER).fma(q, s0);
      s1 = FloatVector.fromMemorySegment(FLOATS, keys, k1 + k, ORDER).fma(q, s1);
      s2 = FloatVector.fromMemorySegment(FLOATS, keys, k2 + k, ORDER).fma(q, s2);
      s3 = FloatVector.fromMemorySegment(FLOATS, keys, k3 + k, ORDER).fma(q, s3);
    }
    s0.intoMemorySegment(scratch, at, ORDER);
    s1.intoMemorySegment(scratch, at + BYTES, ORDER);
    s2.intoMemorySegment(scratch, at + 2 * BYTES, ORDER);
    s3.intoMemorySegment(scratch, at + 3 * BYTES, ORDER);
  }

  /**
   * Adds weighed values to four vectors of the outputs of four rows.
   *
   * @param values the first value's elements for the first vector; values are {@code valueBytes}
   *     apart
   * @param weights the first row's weights; rows are 64 apart
   * @param output the first row's output; rows are {@code rowBytes} apart
   */
  static void addValues4(
      MemorySegment elements,
      long values,
      long valueBytes,
      int count,
      MemorySegment scratch,
      long weights,
      MemorySegment states,
      long output,
      long rowBytes) {
    long output1 = output + rowBytes;
    long output2 = output1 + rowBytes;
    long output3 = output2 + rowBytes;
    FloatVector o00 = FloatVector.fromMemorySegment(FLOATS, states, output, ORDER);
    FloatVector o01 = FloatVector.fromMemorySegment(FLOATS, states, output + BYTES, ORDER);
    FloatVector o02 = FloatVector.fromMemorySegment(FLOATS, states, output + 2 * BYTES, ORDER);
    FloatVector o03 = FloatVector.fromMemorySegment(FLOATS, states, output + 3 * BYTES, ORDER);
    FloatVector o10 = FloatVector.fromMemorySegment(FLOATS, states, output1, ORDER);
    FloatVector o11 = FloatVector.fromMemorySegment(FLOATS, states, output1 + BYTES, ORDER);
    FloatVector o12 = FloatVector.fromMemorySegment(FLOATS, states, output1 + 2 * BYTES, ORDER);
    FloatVector o13 = FloatVector.fromMemorySegment(FLOATS, states, output1 + 3 * BYTES, ORDER);
    FloatVector o20 = FloatVector.fromMemorySegment(FLOATS, states, output2, ORDER);
    FloatVector o21 = FloatVector.fromMemorySegment(FLOATS, states, output2 + BYTES, ORDER);
    FloatVector o22 = FloatVector.fromMemorySegment(FLOATS, states, output2 + 2 * BYTES, ORDER);
    FloatVector o23 = FloatVector.fromMemorySegment(FLOATS, states, output2 + 3 * BYTES, ORDER);
    FloatVector o30 = FloatVector.fromMemorySegment(FLOATS, states, output3, ORDER);
    FloatVector o31 = FloatVector.fromMemorySegment(FLOATS, states, output3 + BYTES, ORDER);
    FloatVector o32 = FloatVector.fromMemorySegment(FLOATS, states, output3 + 2 * BYTES, ORDER);
    FloatVector o33 = FloatVector.fromMemorySegment(FLOATS, states, output3 + 3 * BYTES, ORDER);
    for (int i = 0; i < count; i++) {
      long v = values + i * valueBytes;
      long w = weights + i * 4L;
      FloatVector v0 = FloatVector.fromMemorySegment(FLOATS, elements, v, ORDER);
      FloatVector v1 = FloatVector.fromMemorySegment(FLOATS, elements, v + BYTES, ORDER);
      FloatVector v2 = FloatVector.fromMemorySegment(FLOATS, elements, v + 2 * BYTES, ORDER);
      FloatVector v3 = FloatVector.fromMemorySegment(FLOATS, elements, v + 3 * BYTES, ORDER);
      FloatVector w0 = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, w));
      o00 = v0.fma(w0, o00);
      o01 = v1.fma(w0, o01);
      o02 = v2.fma(w0, o02);
      o03 = v3.fma(w0, o03);
      FloatVector w1 = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, w + WEIGHT_BYTES));
      o10 = v0.fma(w1, o10);
      o11 = v1.fma(w1, o11);
      o12 = v2.fma(w1, o12);
      o13 = v3.fma(w1, o13);
      FloatVector w2 = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, w + 2 * WEIGHT_BYTES));
      o20 = v0.fma(w2, o20);
      o21 = v1.fma(w2, o21);
      o22 = v2.fma(w2, o22);
      o23 = v3.fma(w2, o23);
      FloatVector w3 = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, w + 3 * WEIGHT_BYTES));
      o30 = v0.fma(w3, o30);
      o31 = v1.fma(w3, o31);
      o32 = v2.fma(w3, o32);
      o33 = v3.fma(w3, o33);
    }
    o00.intoMemorySegment(states, output, ORDER);
    o01.intoMemorySegment(states, output + BYTES, ORDER);
    o02.intoMemorySegment(states, output + 2 * BYTES, ORDER);
    o03.intoMemorySegment(states, output + 3 * BYTES, ORDER);
    o10.intoMemorySegment(states, output1, ORDER);
    o11.intoMemorySegment(states, output1 + BYTES, ORDER);
    o12.intoMemorySegment(states, output1 + 2 * BYTES, ORDER);
    o13.intoMemorySegment(states, output1 + 3 * BYTES, ORDER);
    o20.intoMemorySegment(states, output2, ORDER);
    o21.intoMemorySegment(states, output2 + BYTES, ORDER);
    o22.intoMemorySegment(states, output2 + 2 * BYTES, ORDER);
    o23.intoMemorySegment(states, output2 + 3 * BYTES, ORDER);
    o30.intoMemorySegment(states, output3, ORDER);
    o31.intoMemorySegment(states, output3 + BYTES, ORDER);
    o32.intoMemorySegment(states, output3 + 2 * BYTES, ORDER);
    o33.intoMemorySegment(states, output3 + 3 * BYTES, ORDER);
  }

  /** As {@link #addValues4}, for one row. */
  static void addValues1(
      MemorySegment elements,
      long values,
      long valueBytes,
      int count,
      MemorySegment scratch,
      long weights,
      MemorySegment states,
      long output) {
    FloatVector o0 = FloatVector.fromMemorySegment(FLOATS, states, output, ORDER);
    FloatVector o1 = FloatVector.fromMemorySegment(FLOATS, states, output + BYTES, ORDER);
    FloatVector o2 = FloatVector.fromMemorySegment(FLOATS, states, output + 2 * BYTES, ORDER);
    FloatVector o3 = FloatVector.fromMemorySegment(FLOATS, states, output + 3 * BYTES, ORDER);
    for (int i = 0; i < count; i++) {
      long v = values + i * valueBytes;
      FloatVector w = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, weights + i * 4L));
      o0 = FloatVector.fromMemorySegment(FLOATS, elements, v, ORDER).fma(w, o0);
      o1 = FloatVector.fromMemorySegment(FLOATS, elements, v + BYTES, ORDER).fma(w, o1);
      o2 = FloatVector.fromMemorySegment(FLOATS, elements, v + 2 * BYTES, ORDER).fma(w, o2);
      o3 = FloatVector.fromMemorySegment(FLOATS, elements, v + 3 * BYTES, ORDER).fma(w, o3);
    }
    o0.intoMemorySegment(states, output, ORDER);
    o1.intoMemorySegment(states, output + BYTES, ORDER);
    o2.intoMemorySegment(states, output + 2 * BYTES, ORDER);
    o3.intoMemorySegment(states, output + 3 * BYTES, ORDER);
  }

  /** As {@link #addValues1}, for one vector. */
  static void addVector(
      MemorySegment elements,
      long values,
      long valueBytes,
      int count,
      MemorySegment scratch,
      long weights,
      MemorySegment states,
      long output) {
    FloatVector sum = FloatVector.fromMemorySegment(FLOATS, states, output, ORDER);
    for (int i = 0; i < count; i++) {
      FloatVector w = FloatVector.broadcast(FLOATS, scratch.get(JAVA_FLOAT, weights + i * 4L));
      FloatVector v =
          FloatVector.fromMemorySegment(FLOATS, elements, values + i * valueBytes, ORDER);
      sum = v.fma(w, sum);
    }
    sum.intoMemorySegment(states, output, ORDER);
  }

  /** Widens the keys of a block and head, {@code [headDim][16]}. */
  static void widenKeys(
      AttentionShape shape, MemorySegment pool, long at, MemorySegment into, long intoAt) {
    int elements = shape.headDim() * BLOCK_TOKENS;
    if (shape.dtype() != KvDType.Q8_0) {
      widen(shape.dtype(), pool, at, elements, into, intoAt);
      return;
    }
    int ofGroup = KvDType.GROUP * BLOCK_TOKENS;
    for (int from = 0; from < elements; from += ofGroup) {
      long quants = at + shape.scaleBytes() + from;
      int count = Math.min(ofGroup, elements - from);
      // The scales [group][16] of a group lie where its elements would be, divided by 32.
      long scales = at + from / KvDType.GROUP * 4L;
      widenKeyGroup(pool, quants, scales, count, into, intoAt + from * 4L);
    }
  }

  /** Widens the values of a block and head, {@code [16][padded headDim]}. */
  static void widenValues(
      AttentionShape shape, MemorySegment pool, long at, MemorySegment into, long intoAt) {
    int padded = shape.paddedValueDim();
    if (shape.dtype() != KvDType.Q8_0) {
      widen(shape.dtype(), pool, at, BLOCK_TOKENS * padded, into, intoAt);
      return;
    }
    for (int slot = 0; slot < BLOCK_TOKENS; slot++) {
      for (int from = 0; from < padded; from += KvDType.GROUP) {
        int index = slot * padded + from;
        long quants = at + shape.scaleBytes() + index;
        float scale = ScalarKernels.get(pool, at, slot * shape.groups() + from / KvDType.GROUP);
        int count = Math.min(KvDType.GROUP, padded - from);
        widenValueGroup(pool, quants, scale, count, into, intoAt + index * 4L);
      }
    }
  }

  /**
   * Makes values of the beginnings of keys.
   *
   * @param at of the keys of a block and head, {@code [headDim][16]}, f32
   * @param intoAt of the values {@code [16][padded valueDim]}
   */
  static void turnKeys(
      AttentionShape shape, MemorySegment keys, long at, MemorySegment into, long intoAt) {
    int padded = shape.paddedValueDim();
    for (int d = 0; d < shape.valueDim(); d++) {
      for (int slot = 0; slot < BLOCK_TOKENS; slot++) {
        float element = ScalarKernels.get(keys, at, d * BLOCK_TOKENS + slot);
        ScalarKernels.set(into, intoAt, slot * padded + d, element);
      }
    }
  }

  private static void widen(
      KvDType dtype, MemorySegment pool, long at, int n, MemorySegment into, long intoAt) {
    if (dtype == KvDType.F16) {
      widenF16(pool, at, n, into, intoAt);
    } else {
      widenBf16(pool, at, n, into, intoAt);
    }
  }

  /** As {@link F16Panels} does it, and infinities and NaN in addition. */
  private static void widenF16(
      MemorySegment pool, long at, int n, MemorySegment into, long intoAt) {
    for (int i = 0; i < n; i += COUNT) {
      IntVector bits =
          ShortVector.fromMemorySegment(Lanes.HALF_SHORTS, pool, at + i * 2L, ORDER)
              .convertShape(ZERO_EXTEND_S2I, INTS, 0)
              .reinterpretAsInts();
      IntVector magnitude = bits.lanewise(LSHL, 13).and(F16_MAGNITUDE);
      IntVector subnormal =
          magnitude
              .add(REBIAS_SUBNORMAL)
              .reinterpretAsFloats()
              .sub(LEAST_NORMAL)
              .reinterpretAsInts();
      IntVector sign = bits.lanewise(LSHL, 16).and(0x8000_0000);
      magnitude
          .add(REBIAS)
          .min(subnormal)
          .add(REBIAS, magnitude.compare(GE, F16_INFINITY))
          .or(sign)
          .intoMemorySegment(into, intoAt + i * 4L, ORDER);
    }
  }

  private static void widenBf16(
      MemorySegment pool, long at, int n, MemorySegment into, long intoAt) {
    for (int i = 0; i < n; i += COUNT) {
      ShortVector.fromMemorySegment(Lanes.HALF_SHORTS, pool, at + i * 2L, ORDER)
          .convertShape(ZERO_EXTEND_S2I, INTS, 0)
          .reinterpretAsInts()
          .lanewise(LSHL, 16)
          .intoMemorySegment(into, intoAt + i * 4L, ORDER);
    }
  }

  /** Rows of 16 with a scale for each of the 16. */
  private static void widenKeyGroup(
      MemorySegment pool, long quants, long scales, int n, MemorySegment into, long intoAt) {
    for (int lane = 0; lane < BLOCK_TOKENS; lane += COUNT) {
      FloatVector scale = FloatVector.fromMemorySegment(FLOATS, pool, scales + lane * 4L, ORDER);
      int part = lane % BYTE_COUNT / COUNT;
      for (int i = lane; i < n; i += BLOCK_TOKENS) {
        long bytes = quants + i - i % BYTE_COUNT;
        ByteVector.fromMemorySegment(Lanes.QUARTER_BYTES, pool, bytes, ORDER)
            .convertShape(B2F, FLOATS, part)
            .reinterpretAsFloats()
            .mul(scale)
            .intoMemorySegment(into, intoAt + i * 4L, ORDER);
      }
    }
  }

  private static void widenValueGroup(
      MemorySegment pool, long quants, float scale, int n, MemorySegment into, long intoAt) {
    for (int i = 0; i < n; i += BYTE_COUNT) {
      ByteVector bytes = ByteVector.fromMemorySegment(Lanes.QUARTER_BYTES, pool, quants + i, ORDER);
      bytes
          .convertShape(B2F, FLOATS, 0)
          .reinterpretAsFloats()
          .mul(scale)
          .intoMemorySegment(into, intoAt + i * 4L, ORDER);
      if (BYTE_COUNT > COUNT) {
        bytes
            .convertShape(B2F, FLOATS, 1)
            .reinterpretAsFloats()
            .mul(scale)
            .intoMemorySegment(into, intoAt + (i + COUNT) * 4L, ORDER);
      }
    }
  }
}
