package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.HALF_SHORTS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.ALL;
import static dev.consilium.tensor.TileMemory.PANEL_BYTES;
import static dev.consilium.tensor.TileMemory.ROWS_BYTES;
import static dev.consilium.tensor.TileMemory.TO_MINIMA;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Adds the dot products that {@link QuantDots} took, scaled, to the sums of a token and a panel.
 *
 * <p>What else goes into the sum of a token and a group of columns are its terms, three ints: from
 * what dot products start ({@link QuantDots#start}; for types with minima nothing), and the bits of
 * the token's scale and of what minima are multiplied with ({@link QuantBlock}).
 */
final class QuantSums {
  /** For each group. */
  static final int TERMS = 3;

  private static final int ROWS = QuantLayout.ROWS;

  /** Of a block, as they are stored. */
  private static final long HALVES_BYTES = ROWS * 2L;

  private QuantSums() {}

  /**
   * Makes the terms of some blocks.
   *
   * @param raw the tokens' blocks as ints
   * @param terms {@link #TERMS} for each group of each block
   */
  static void terms(QuantLayout layout, int[] raw, int blocks, int[] terms) {
    int groups = QuantLayout.BLOCK / layout.groupColumns();
    int to = 0;
    for (int block = 0; block < blocks; block++) {
      int from = block * QuantBlock.BYTES / 4;
      for (int group = 0; group < groups; group++) {
        terms[to++] = QuantDots.start(layout.dtype(), raw, from, group);
        terms[to++] = raw[from + QuantBlock.SCALE_AT / 4];
        terms[to++] = raw[from + QuantBlock.MINIMUM_AT / 4];
      }
    }
  }

  /**
   * Of a type with a binary16 for each block, which is widened here (about that see {@link
   * QuantScales}).
   *
   * @param scalesAt where the scales of the first block are in w
   * @param parts of a dot product, to be added: 1 or 2
   * @param termsAt where in terms the first block's are
   * @param at of the first row in sums
   */
  static void addPlain(
      MemorySegment w,
      long scalesAt,
      int blocks,
      int parts,
      long dots,
      int[] terms,
      int termsAt,
      float[] sums,
      int at) {
    for (int row = 0; row < ROWS; row += COUNT) {
      FloatVector sum = FloatVector.fromArray(FLOATS, sums, at + row);
      for (int b = 0; b < blocks; b++) {
        IntVector half =
            (IntVector)
                ShortVector.fromMemorySegment(
                        HALF_SHORTS, w, scalesAt + b * HALVES_BYTES + row * 2L, ORDER)
                    .convertShape(ZERO_EXTEND_S2I, INTS, 0);
        FloatVector own =
            half.and(QuantScales.MAGNITUDE)
                .lanewise(LSHL, 13)
                .reinterpretAsFloats()
                .mul(QuantScales.TO_FLOAT)
                .reinterpretAsInts()
                .or(half.and(QuantScales.SIGN).lanewise(LSHL, 16))
                .reinterpretAsFloats();
        float scale = Float.intBitsToFloat(terms[termsAt + b * TERMS + 1]);
        long dotAt = dots + b * (parts * PANEL_BYTES) + row * 4L;
        IntVector dot =
            IntVector.fromMemorySegment(INTS, ALL, dotAt, ORDER).add(terms[termsAt + b * TERMS]);
        if (parts == 2) {
          dot = dot.add(IntVector.fromMemorySegment(INTS, ALL, dotAt + PANEL_BYTES, ORDER));
        }
        sum = ((FloatVector) dot.convert(I2F, 0)).fma(own.mul(scale), sum);
      }
      sum.intoArray(sums, at + row);
    }
  }

  /**
   * Of a type with scales that {@link QuantScales} has widened, and dot products of one part.
   *
   * @param scales where in {@link TileMemory#ALL} they are
   */
  static void addScaled(
      long scales, int groups, long dots, int[] terms, int termsAt, float[] sums, int at) {
    for (int row = 0; row < ROWS; row += COUNT) {
      FloatVector sum = FloatVector.fromArray(FLOATS, sums, at + row);
      for (int g = 0; g < groups; g++) {
        long own = scales + g * ROWS_BYTES + row * 4L;
        float scale = Float.intBitsToFloat(terms[termsAt + g * TERMS + 1]);
        IntVector dot =
            IntVector.fromMemorySegment(INTS, ALL, dots + g * PANEL_BYTES + row * 4L, ORDER)
                .add(terms[termsAt + g * TERMS]);
        sum =
            ((FloatVector) dot.convert(I2F, 0))
                .fma(FloatVector.fromMemorySegment(FLOATS, ALL, own, ORDER).mul(scale), sum);
      }
      sum.intoArray(sums, at + row);
    }
  }

  /** Of a type with minima beside them, whose quants start at 0. */
  static void addWithMinima(
      long scales,
      int groups,
      int parts,
      long dots,
      int[] terms,
      int termsAt,
      float[] sums,
      int at) {
    for (int row = 0; row < ROWS; row += COUNT) {
      FloatVector sum = FloatVector.fromArray(FLOATS, sums, at + row);
      for (int g = 0; g < groups; g++) {
        long own = scales + g * ROWS_BYTES + row * 4L;
        float scale = Float.intBitsToFloat(terms[termsAt + g * TERMS + 1]);
        float taken = Float.intBitsToFloat(terms[termsAt + g * TERMS + 2]);
        long dotAt = dots + g * (parts * PANEL_BYTES) + row * 4L;
        IntVector dot = IntVector.fromMemorySegment(INTS, ALL, dotAt, ORDER);
        if (parts == 2) {
          dot = dot.add(IntVector.fromMemorySegment(INTS, ALL, dotAt + PANEL_BYTES, ORDER));
        }
        sum =
            ((FloatVector) dot.convert(I2F, 0))
                .fma(FloatVector.fromMemorySegment(FLOATS, ALL, own, ORDER).mul(scale), sum);
        sum =
            FloatVector.fromMemorySegment(FLOATS, ALL, own + TO_MINIMA, ORDER)
                .fma(FloatVector.broadcast(FLOATS, taken), sum);
      }
      sum.intoArray(sums, at + row);
    }
  }
}
