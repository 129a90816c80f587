package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.DOUBLES;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.PASS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jdk.incubator.vector.VectorOperators.B2D;
import static jdk.incubator.vector.VectorOperators.B2F;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;

/**
 * Quantised activations of some tokens, the integers as f32 or f64. Each thread has its own, and
 * keeps them from one task to the next: tasks that follow one another take other panels and the
 * same tokens.
 */
final class WidenedTokens {
  private static final int TOKENS = TileMemory.TOKENS;

  /** Tokens at once at most. */
  static final int MOST = 128;

  /** Columns of all tokens at most: 1 MiB of floats, for the second cache. */
  private static final int MOST_COLUMNS = 1 << 18;

  /** Floats of a block of all tokens of a tile in {@link #factors}. */
  static final int FACTORS = 3 * TOKENS;

  private float[] singles = {};
  private double[] doubles = {};
  private float[] factors = {};

  private Optional<QuantisedTokens> held = Optional.empty();
  private boolean asDoubles;
  private int tiles;
  private int firstToken;
  private int endToken;

  /** Tokens to take at once: whole tiles. */
  static int atOnce(int columns) {
    return Math.clamp((long) MOST_COLUMNS / columns / TOKENS * TOKENS, TOKENS, MOST);
  }

  /**
   * {@code [pass][tile of four tokens][block of the pass][token][column]}, so that a pass reads one
   * stretch of memory; behind the last token up to three that were never asked for.
   */
  float[] singles() {
    return singles;
  }

  /** The same as doubles. */
  double[] doubles() {
    return doubles;
  }

  /**
   * In the same order four scales, then four of what minima are multiplied with, then four sums of
   * quants times -16.
   */
  float[] factors() {
    return factors;
  }

  /** Which block of all that are held a block of a tile is. */
  int block(int tile, int block) {
    return (block / PASS * tiles + tile) * PASS + block % PASS;
  }

  /** Widens some tokens, if these are not what is held. Tokens are told apart by identity. */
  @SuppressWarnings("ReferenceEquality")
  void hold(QuantisedTokens tokens, int columns, int first, int end, boolean wide) {
    if (held.isPresent()
        && held.get() == tokens
        && firstToken == first
        && endToken == end
        && asDoubles == wide) {
      return;
    }
    held = Optional.empty(); // until all is done
    tiles = Math.ceilDiv(end - first, TOKENS);
    int blocks = columns / QuantLayout.BLOCK;
    makeRoom(tiles * Math.ceilDiv(blocks, PASS) * PASS, wide);
    for (int token = first; token < end; token++) {
      widen(tokens, token, blocks, token - first, wide);
    }
    held = Optional.of(tokens);
    asDoubles = wide;
    firstToken = first;
    endToken = end;
  }

  private void makeRoom(int blocks, boolean wide) {
    int wanted = blocks * TOKENS * QuantLayout.BLOCK;
    if (wide && doubles.length < wanted) {
      doubles = new double[wanted];
    }
    if (!wide && singles.length < wanted) {
      singles = new float[wanted];
    }
    if (factors.length < blocks * FACTORS) {
      factors = new float[blocks * FACTORS];
    }
  }

  private void widen(QuantisedTokens tokens, int token, int blocks, int to, boolean wide) {
    int inTile = to % TOKENS;
    long at = tokens.offset(token);
    for (int b = 0; b < blocks; b++) {
      int block = block(to / TOKENS, b);
      int into = (block * TOKENS + inTile) * QuantLayout.BLOCK;
      if (wide) {
        widen(tokens.blocks(), at, doubles, into);
      } else {
        widen(tokens.blocks(), at, singles, into);
      }
      widenFactors(tokens.blocks(), at, block * FACTORS + inTile);
      at += QuantBlock.BYTES;
    }
  }

  private void widenFactors(MemorySegment blocks, long at, int to) {
    factors[to] = blocks.get(JAVA_FLOAT, at + QuantBlock.SCALE_AT);
    factors[to + TOKENS] = blocks.get(JAVA_FLOAT, at + QuantBlock.MINIMUM_AT);
    factors[to + 2 * TOKENS] = blocks.get(JAVA_INT, at + QuantBlock.OFFSET16_AT);
  }

  private static void widen(MemorySegment blocks, long from, float[] into, int at) {
    for (int i = 0; i < QuantLayout.BLOCK; i += COUNT) {
      if (COUNT == 4) { // four bytes are no vector
        for (int j = i; j < i + 4; j++) {
          into[at + j] = blocks.get(JAVA_BYTE, from + j);
        }
      } else {
        ((FloatVector)
                ByteVector.fromMemorySegment(Lanes.QUARTER_BYTES, blocks, from + i, ORDER)
                    .convertShape(B2F, FLOATS, 0))
            .intoArray(into, at + i);
      }
    }
  }

  private static void widen(MemorySegment blocks, long from, double[] into, int at) {
    for (int i = 0; i < QuantLayout.BLOCK; i += 8) {
      if (COUNT == 16) {
        ((DoubleVector)
                ByteVector.fromMemorySegment(ByteVector.SPECIES_64, blocks, from + i, ORDER)
                    .convertShape(B2D, DOUBLES, 0))
            .intoArray(into, at + i);
      } else { // fewer bytes are no vector
        for (int j = i; j < i + 8; j++) {
          into[at + j] = blocks.get(JAVA_BYTE, from + j);
        }
      }
    }
  }
}
