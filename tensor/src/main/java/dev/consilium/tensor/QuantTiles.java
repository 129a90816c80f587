package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Quantised products of many tokens, four panels at a time.
 *
 * <p>A dot product of a block is an integer below 2^24, and so is every sum on the way: floats hold
 * it exactly. So quants are widened to f32 once for all tokens and f32 tiles ({@link ScaledTiles})
 * do the work; after each block, or half of one where that has a scale of its own, their sums are
 * scaled and added.
 */
final class QuantTiles {
  private static final int ROWS = QuantLayout.ROWS;

  /** Panels that make the rows of a tile. */
  private static final int PANELS = ScaledTiles.ROWS / ROWS;

  /** Blocks of a chunk, whose scales are widened at once; whole blocks of 256 columns. */
  private static final int CHUNK = 8;

  /**
   * Blocks whose quants are widened and pass all tokens at once: 34 KiB, for the innermost cache.
   */
  private static final int PASS = ScaledTiles.MOST_GROUPS / 2;

  private static final int TILE = ScaledTiles.TOKENS;

  /** Where in {@link #memory} the groups of a pass are, their products and the sums. */
  private static final long WEIGHTS_AT = 0;

  private static final long DOTS_AT =
      2 * PASS * ScaledTiles.groupBytes(QuantLayout.BLOCK / 2) + ScaledTiles.SLICE_BYTES;

  /** {@code [token][64]}. */
  private static final long SUMS_AT = DOTS_AT + 2 * PASS * ScaledTiles.DOTS_BYTES;

  private static final long BYTES =
      SUMS_AT + WidenedTokens.MOST * ScaledTiles.COLUMN_BYTES + ScaledTiles.TILE_BYTES;

  private final WidenedTokens widenedTokens = new WidenedTokens();
  private final QuantScales[] scales = new QuantScales[PANELS];
  private final MemorySegment memory = Arena.ofAuto().allocate(BYTES, F32Matrix.ALIGNMENT);

  QuantTiles() {
    Arrays.setAll(scales, _ -> new QuantScales(CHUNK));
  }

  void multiply(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    int columns = job.weights().columns();
    int most = WidenedTokens.atOnce(columns);
    for (int first = firstToken; first < endToken; first += most) {
      int end = Math.min(first + most, endToken);
      widenedTokens.hold(tokens, columns, first, end);
      for (int panel = firstPanel; panel < endPanel; panel += PANELS) {
        multiplyPanels(job, panel, Math.min(panel + PANELS, endPanel), first, end);
      }
    }
  }

  /** Up to four panels, and all tokens that are held. */
  private void multiplyPanels(
      MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    PackedMatrix matrix = job.weights();
    int tokens = endToken - firstToken;
    memory.asSlice(SUMS_AT, WidenedTokens.MOST * ScaledTiles.COLUMN_BYTES).fill((byte) 0);
    int allBlocks = matrix.columns() / QuantLayout.BLOCK;
    for (int from = 0; from < allBlocks; from += CHUNK) {
      int count = Math.min(CHUNK, allBlocks - from);
      for (int i = 0; i < endPanel - firstPanel; i++) {
        long panelAt = (firstPanel + i) * matrix.panelBytes();
        scales[i].widen(matrix.quantLayout(), matrix.segment(), panelAt, from, count);
      }
      for (int pass = 0; pass < count; pass += PASS) {
        int blocks = Math.min(PASS, count - pass);
        for (int i = 0; i < endPanel - firstPanel; i++) {
          widen(matrix, firstPanel + i, from, pass, blocks, i);
        }
        addPass(matrix, from + pass, blocks, tokens);
      }
    }
    int rows = Math.min(ScaledTiles.ROWS, matrix.rows() - firstPanel * ROWS);
    for (int token = 0; token < tokens; token++) {
      long at = job.yOffset(firstToken + token) + firstPanel * (long) ROWS * Float.BYTES;
      copySums(token, rows, job.y().segment(), at);
    }
  }

  /**
   * A loop of its own: where {@link MemorySegment#copy} is in the loop over tokens, the compiler
   * moves checks out of it that then fail, and compiles anew a hundred times before it gives up.
   */
  private void copySums(int token, int rows, MemorySegment y, long at) {
    MemorySegment sums =
        memory.asSlice(SUMS_AT + token * ScaledTiles.COLUMN_BYTES, ScaledTiles.COLUMN_BYTES);
    int row = 0;
    for (; row + COUNT <= rows; row += COUNT) {
      FloatVector.fromMemorySegment(FLOATS, sums, row * 4L, ORDER)
          .intoMemorySegment(y, at + row * 4L, ORDER);
    }
    for (; row < rows; row++) {
      y.set(JAVA_FLOAT, at + row * 4L, sums.get(JAVA_FLOAT, row * 4L));
    }
  }

  /** Quants of a pass of one panel, and the scales that are widened already. */
  private void widen(PackedMatrix matrix, int panel, int from, int pass, int count, int inTile) {
    QuantLayout layout = matrix.quantLayout();
    int step = layout.groupColumns();
    long groupBytes = ScaledTiles.groupBytes(step);
    long quantsAt = panel * matrix.panelBytes() + layout.headerBytes(matrix.columns());
    long at = quantsAt + (from + pass) * (long) layout.quantBytes();
    long rowAt = WEIGHTS_AT + (long) inTile * ROWS * Float.BYTES;
    QuantColumns.widen(layout, matrix.segment(), at, count, memory, rowAt);
    int groupsOfBlock = QuantLayout.BLOCK / step;
    long to = rowAt + step * ScaledTiles.COLUMN_BYTES;
    for (int i = pass * groupsOfBlock; i < (pass + count) * groupsOfBlock; i++) {
      copyRows(scales[inTile].scales(), i * ROWS, memory, to);
      if (layout.hasMinimum()) {
        copyRows(scales[inTile].minima(), i * ROWS, memory, to + ScaledTiles.COLUMN_BYTES);
      }
      to += groupBytes;
    }
  }

  /** So few that a call of a copying routine takes longer. */
  private static void copyRows(float[] source, int from, MemorySegment into, long at) {
    for (int row = 0; row < ROWS; row += COUNT) {
      FloatVector.fromArray(FLOATS, source, from + row)
          .intoMemorySegment(into, at + row * 4L, ORDER);
    }
  }

  /** Adds the products of the blocks of a pass and all tokens. */
  private void addPass(PackedMatrix matrix, int from, int count, int tokens) {
    QuantLayout layout = matrix.quantLayout();
    int groupsOfBlock = QuantLayout.BLOCK / layout.groupColumns();
    int tokenFloats = matrix.columns() / QuantLayout.BLOCK * ScaledTiles.X_FLOATS;
    int xAt = from * ScaledTiles.X_FLOATS;
    for (int token = 0; token < tokens; token += TILE) {
      long at = SUMS_AT + token * ScaledTiles.COLUMN_BYTES;
      addTile(layout, count * groupsOfBlock, xAt, at);
      xAt += tokenFloats;
    }
  }

  private void addTile(QuantLayout layout, int groups, int xAt, long at) {
    float[] x = widenedTokens.x();
    int step = layout.groupColumns();
    if (COUNT == 8) {
      for (int row = 0; row < ScaledTiles.ROWS; row += 2 * COUNT) {
        long toRow = row * 4L;
        ScaledTiles.dots4Narrow(memory, WEIGHTS_AT + toRow, groups, step, x, xAt, DOTS_AT + toRow);
      }
    } else {
      for (int row = 0; row < ScaledTiles.ROWS; row += 4 * COUNT) {
        long toRow = row * 4L;
        ScaledTiles.dots4(memory, WEIGHTS_AT + toRow, groups, step, x, xAt, DOTS_AT + toRow);
      }
    }
    if (layout.hasMinimum()) {
      ScaledTiles.addScaledWithMinima(memory, WEIGHTS_AT, groups, step, x, xAt, DOTS_AT, at);
    } else {
      ScaledTiles.addScaled(memory, WEIGHTS_AT, groups, step, x, xAt, DOTS_AT, at);
    }
  }
}
