package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.ALL;
import static dev.consilium.tensor.TileMemory.CHUNK;
import static dev.consilium.tensor.TileMemory.LAST_VECTOR;
import static dev.consilium.tensor.TileMemory.MOST_PANELS;
import static dev.consilium.tensor.TileMemory.PASS;
import static dev.consilium.tensor.TileMemory.ROWS_BYTES;
import static dev.consilium.tensor.TileMemory.SLOTS;
import static dev.consilium.tensor.TileMemory.SLOT_BYTES;
import static dev.consilium.tensor.TileMemory.SUMS_AT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Quantised products of many tokens, some panels at a time.
 *
 * <p>A dot product of a block is an integer below 2^24, and so is every sum on the way: floats hold
 * it exactly, and doubles three of them unless quants have 8 bits. So quants are widened once for
 * all tokens, and tiles of f32 ({@link ScaledTiles}) or f64 ({@link TripleTiles}) do the work;
 * after each block, or half of one where that has a scale of its own, their sums are scaled and
 * added.
 */
final class QuantTiles {
  private static final int ROWS = QuantLayout.ROWS;
  private static final int SINGLE_PANELS = ScaledTiles.ROWS / ROWS;

  /** Of the quants of a pass and a panel as bytes. */
  private static final long BYTES_OF_PASS = PASS * QuantBytes.BLOCK_BYTES;

  /** Bytes that are read ahead: they fit the second cache beside what they are multiplied with. */
  private static final long MOST_AHEAD = 256 << 10;

  private final WidenedTokens widenedTokens = new WidenedTokens();
  private final WeightReader reader = new WeightReader();

  /** Of {@link TileMemory}, for the product that is computed. */
  private int slot;

  /** Panels of a tile. */
  static int panels(QuantLayout layout) {
    return inTriples(layout) ? MOST_PANELS : SINGLE_PANELS;
  }

  /** Whether a double holds the dot products of three rows. */
  private static boolean inTriples(QuantLayout layout) {
    return layout.bits() < 8;
  }

  /**
   * @param takenSlot a slot of {@link TileMemory} that the thread has
   */
  void multiply(
      int takenSlot,
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    QuantLayout layout = job.weights().quantLayout();
    int columns = job.weights().columns();
    int most = WidenedTokens.atOnce(columns);
    int step = panels(layout);
    slot = takenSlot;
    for (int first = firstToken; first < endToken; first += most) {
      int end = Math.min(first + most, endToken);
      widenedTokens.hold(tokens, columns, first, end, inTriples(layout));
      for (int panel = firstPanel; panel < endPanel; panel += step) {
        multiplyPanels(job, panel, Math.min(panel + step, endPanel), first, end);
      }
    }
  }

  /** The panels of a tile, or fewer, and all tokens that are held. */
  private void multiplyPanels(
      MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    PackedMatrix matrix = job.weights();
    int panels = endPanel - firstPanel;
    int tokens = endToken - firstToken;
    clearSums(slot, Math.ceilDiv(tokens, TileMemory.TOKENS));
    readAhead(matrix, firstPanel, endPanel);
    int allBlocks = matrix.columns() / QuantLayout.BLOCK;
    for (int from = 0; from < allBlocks; from += CHUNK) {
      int count = Math.min(CHUNK, allBlocks - from);
      for (int i = 0; i < panels; i++) {
        long panelAt = (firstPanel + i) * matrix.panelBytes();
        long to = TileMemory.at(slot) + TileMemory.SCALES_AT + i * TileMemory.PANEL_BYTES;
        QuantScales.widen(matrix.quantLayout(), matrix.segment(), panelAt, from, count, to);
      }
      for (int pass = 0; pass < count; pass += PASS) {
        int blocks = Math.min(PASS, count - pass);
        widen(matrix, firstPanel, panels, from + pass, blocks);
        addPass(matrix, panels, from, pass, blocks, tokens);
      }
    }
    int rows = Math.min(panels * ROWS, matrix.rows() - firstPanel * ROWS);
    for (int token = 0; token < tokens; token++) {
      long at = job.yOffset(firstToken + token) + firstPanel * (long) ROWS * Float.BYTES;
      copySums(token, rows, job.y().segment(), at);
    }
  }

  /** Bytes only: narrower quants take so long to widen that they come by themselves meanwhile. */
  private void readAhead(PackedMatrix matrix, int firstPanel, int endPanel) {
    if (inTriples(matrix.quantLayout())) {
      return;
    }
    long at = firstPanel * matrix.panelBytes();
    reader.read(matrix.segment(), at, Math.min(endPanel * matrix.panelBytes(), at + MOST_AHEAD));
  }

  private static void clearSums(int slot, int tiles) {
    long from = (slot & (SLOTS - 1)) * SLOT_BYTES + SUMS_AT;
    long end = from + tiles * (TileMemory.TOKENS * ROWS_BYTES);
    for (long at = from; at < end; at += BYTES) {
      FloatVector.zero(FLOATS).intoMemorySegment(ALL, at, ORDER);
    }
  }

  /**
   * A loop of its own: where {@link MemorySegment#copy} is in the loop over tokens, the compiler
   * moves checks out of it that then fail, and compiles anew a hundred times before it gives up.
   */
  private void copySums(int token, int rows, MemorySegment y, long at) {
    long sums = (slot & (SLOTS - 1)) * SLOT_BYTES + SUMS_AT + token * ROWS_BYTES;
    int row = 0;
    for (; row + COUNT <= rows; row += COUNT) {
      FloatVector.fromMemorySegment(FLOATS, ALL, sums + row * 4L, ORDER)
          .intoMemorySegment(y, at + row * 4L, ORDER);
    }
    for (; row < rows; row++) {
      y.set(JAVA_FLOAT, at + row * 4L, ALL.get(JAVA_FLOAT, sums + row * 4L));
    }
  }

  /** The quants of some blocks of all panels. */
  private void widen(PackedMatrix matrix, int firstPanel, int panels, int from, int blocks) {
    if (inTriples(matrix.quantLayout())) {
      for (int i = 0; i < panels; i += TripleTiles.PANELS) {
        int last = firstPanel + panels - 1;
        widenThree(matrix, firstPanel + i, last, from, blocks, i / TripleTiles.PANELS);
      }
    } else {
      for (int i = 0; i < panels; i++) {
        long at = quantsAt(matrix, firstPanel + i, from);
        QuantColumns.widen(matrix.segment(), at, blocks, slot, i);
      }
    }
  }

  /** Three panels; for those behind the last one that again, whose sums nobody reads. */
  private void widenThree(
      PackedMatrix matrix, int panel, int last, int from, int blocks, int three) {
    QuantLayout layout = matrix.quantLayout();
    MemorySegment w = matrix.segment();
    long p = quantsAt(matrix, panel, from);
    long q = quantsAt(matrix, Math.min(panel + 1, last), from);
    long r = quantsAt(matrix, Math.min(panel + 2, last), from);
    int offset = layout.hasMinimum() ? TripleTiles.CENTRE : layout.offset();
    if (!QuantBytes.needed(layout)) {
      TripleColumns.nibbles(w, p, q, r, blocks, offset, slot, three);
      return;
    }
    long at = TileMemory.at(slot) + TileMemory.BYTES_AT;
    QuantBytes.unpack(layout, w, p, blocks, at);
    QuantBytes.unpack(layout, w, q, blocks, at + BYTES_OF_PASS);
    QuantBytes.unpack(layout, w, r, blocks, at + 2 * BYTES_OF_PASS);
    TripleColumns.bytes(
        ALL, at, at + BYTES_OF_PASS, at + 2 * BYTES_OF_PASS, blocks, offset, slot, three);
  }

  private static long quantsAt(PackedMatrix matrix, int panel, int block) {
    QuantLayout layout = matrix.quantLayout();
    long panelAt = panel * matrix.panelBytes() + layout.headerBytes(matrix.columns());
    return panelAt + block * (long) layout.quantBytes();
  }

  /** Adds the products of the blocks of a pass and all tokens. */
  private void addPass(PackedMatrix matrix, int panels, int from, int pass, int count, int tokens) {
    for (int token = 0; token < tokens; token += TileMemory.TOKENS) {
      int block = widenedTokens.block(token / TileMemory.TOKENS, from + pass);
      if (inTriples(matrix.quantLayout())) {
        addTriples(matrix.quantLayout(), panels, pass, count, block, token);
      } else {
        addSingles(pass, count, block, token);
      }
    }
  }

  private void addSingles(int pass, int blocks, int block, int token) {
    float[] x = widenedTokens.singles();
    int xAt = block * ScaledTiles.X_BLOCK;
    if (COUNT == 8) {
      for (int vector = 0; vector <= LAST_VECTOR; vector += 2) {
        ScaledTiles.dots4Narrow(slot, vector, blocks, x, xAt);
      }
    } else {
      for (int vector = 0; vector <= LAST_VECTOR; vector += 4) {
        ScaledTiles.dots4(slot, vector, blocks, x, xAt);
      }
    }
    float[] factors = widenedTokens.factors();
    ScaledTiles.addScaled(slot, pass, blocks, factors, block * WidenedTokens.FACTORS, token);
  }

  private void addTriples(
      QuantLayout layout, int panels, int pass, int blocks, int block, int token) {
    double[] x = widenedTokens.doubles();
    int step = layout.groupColumns();
    int groupsOfBlock = QuantLayout.BLOCK / step;
    int groups = blocks * groupsOfBlock;
    int xAt = block * TripleTiles.X_BLOCK;
    int vectors = panels > TripleTiles.PANELS ? TripleTiles.MOST_VECTORS : TripleTiles.VECTORS;
    int vector = 0;
    for (; COUNT != 8 && vector + 4 <= vectors; vector += 4) {
      TripleTiles.dots4(slot, vector, groups, step, x, xAt);
    }
    for (; vector < vectors; vector += 2) {
      TripleTiles.dots4Narrow(slot, vector, groups, step, x, xAt);
    }
    float[] factors = widenedTokens.factors();
    int factorsAt = block * WidenedTokens.FACTORS;
    int from = pass * groupsOfBlock;
    if (layout.hasMinimum()) {
      TripleTiles.addScaledWithMinima(slot, vectors, from, groups, factors, factorsAt, token);
    } else {
      TripleTiles.addScaled(slot, vectors, from, groups, groupsOfBlock, factors, factorsAt, token);
    }
  }
}
