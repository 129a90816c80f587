package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jdk.incubator.vector.VectorOperators.B2F;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;

/**
 * Quantised activations of some tokens, the integers as f32. Each thread has its own, and keeps
 * them from one task to the next: tasks that follow one another take other panels and the same
 * tokens.
 */
final class WidenedTokens {
  private static final int TOKENS = ScaledTiles.TOKENS;

  /** Tokens at once at most. */
  static final int MOST = 128;

  /** Columns of all tokens at most: 1 MiB, for the second cache. */
  private static final int MOST_COLUMNS = 1 << 18;

  private float[] x = {};

  private Optional<QuantisedTokens> held = Optional.empty();
  private int firstToken;
  private int endToken;

  /** Tokens to take at once: whole tiles. */
  static int atOnce(int columns) {
    return Math.clamp((long) MOST_COLUMNS / columns / TOKENS * TOKENS, TOKENS, MOST);
  }

  /**
   * The blocks of {@link ScaledTiles}, {@code [tile of four tokens][block]}; behind the last token
   * up to three that were never asked for.
   */
  float[] x() {
    return x;
  }

  /** Widens some tokens, if these are not what is held. Tokens are told apart by identity. */
  @SuppressWarnings("ReferenceEquality")
  void hold(QuantisedTokens tokens, int columns, int first, int end) {
    if (held.isPresent() && held.get() == tokens && firstToken == first && endToken == end) {
      return;
    }
    int wanted =
        Math.ceilDiv(end - first, TOKENS) * (columns / QuantLayout.BLOCK) * ScaledTiles.X_FLOATS;
    if (x.length < wanted) {
      x = new float[wanted];
    }
    for (int token = first; token < end; token++) {
      widen(tokens, token, columns, token - first);
    }
    held = Optional.of(tokens);
    firstToken = first;
    endToken = end;
  }

  private void widen(QuantisedTokens tokens, int token, int columns, int to) {
    int blocks = columns / QuantLayout.BLOCK;
    int inTile = to % TOKENS;
    long at = tokens.offset(token);
    int tile = to / TOKENS * blocks * ScaledTiles.X_FLOATS;
    for (int b = 0; b < blocks; b++) {
      widen(tokens.blocks(), at, x, tile + inTile * ScaledTiles.TOKEN_FLOATS);
      float scale = tokens.blocks().get(JAVA_FLOAT, at + QuantBlock.SCALE_AT);
      x[tile + ScaledTiles.FACTORS_AT + inTile] = scale;
      float taken = tokens.blocks().get(JAVA_FLOAT, at + QuantBlock.MINIMUM_AT);
      x[tile + ScaledTiles.TAKEN_AT + inTile] = taken;
      at += QuantBlock.BYTES;
      tile += ScaledTiles.X_FLOATS;
    }
  }

  private static void widen(MemorySegment blocks, long from, float[] into, int at) {
    for (int i = 0; i < QuantLayout.BLOCK; i += COUNT) {
      if (COUNT == 4) { // four bytes are no vector
        int four = blocks.get(JAVA_INT, from + i);
        into[at + i] = four << 24 >> 24;
        into[at + i + 1] = four << 16 >> 24;
        into[at + i + 2] = four << 8 >> 24;
        into[at + i + 3] = four >> 24;
      } else {
        ((FloatVector)
                ByteVector.fromMemorySegment(Lanes.QUARTER_BYTES, blocks, from + i, ORDER)
                    .convertShape(B2F, FLOATS, 0))
            .intoArray(into, at + i);
      }
    }
  }
}
