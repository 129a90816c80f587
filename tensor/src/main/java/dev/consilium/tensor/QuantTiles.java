package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Quantised products of many tokens, four panels at a time.
 *
 * <p>A dot product of a block is an integer below 2^24, and so is every sum on the way: floats hold
 * it exactly. So the quants are widened to f32 once for all tokens, {@code [column][64 rows]}, and
 * the tiles of f32 products ({@link F32Panels}) do the work; after each block, or half of one where
 * that has a scale of its own, their sums are scaled and added.
 */
final class QuantTiles {
  private static final int ROWS = QuantLayout.ROWS;

  /** Panels, and their rows. */
  private static final int PANELS = 4;

  private static final int WIDE = PANELS * ROWS;

  /** Blocks of a chunk; whole blocks of 256 columns. */
  private static final int CHUNK = 8;

  /** Tokens of a tile. */
  private static final int TILE = 4;

  private static final long COLUMN_BYTES = WIDE * 4L;

  private final QuantScales[] widened = new QuantScales[PANELS];

  /** The quants of a chunk, {@code [column][64]}. */
  private final MemorySegment weights = aligned(CHUNK * QuantLayout.BLOCK * COLUMN_BYTES);

  /** Scales and minima of a chunk, {@code [group][64]}. */
  private final float[] scales = new float[2 * CHUNK * WIDE];

  private final float[] minima = new float[CHUNK * WIDE];

  /** The quants of a chunk of a tile's tokens, {@code [token][column]}. */
  private final MemorySegment x = aligned(TILE * CHUNK * QuantLayout.BLOCK * 4L);

  /** The sums of a group of columns, {@code [token][64]}. */
  private final float[] dots = new float[TILE * WIDE];

  private final int[] group = new int[ROWS];
  private float[] sums = {};

  QuantTiles() {
    Arrays.setAll(widened, i -> new QuantScales(CHUNK));
  }

  private static MemorySegment aligned(long bytes) {
    return Arena.ofAuto().allocate(bytes, F32Matrix.ALIGNMENT);
  }

  void multiply(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    int wanted = (endToken - firstToken + TILE - 1) * WIDE;
    if (sums.length < wanted) {
      sums = new float[wanted];
    }
    for (int panel = firstPanel; panel < endPanel; panel += PANELS) {
      int end = Math.min(panel + PANELS, endPanel);
      multiplyPanels(job, tokens, panel, end, firstToken, endToken);
    }
  }

  private void multiplyPanels(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    Arrays.fill(sums, 0f);
    int blocks = job.weights().columns() / QuantLayout.BLOCK;
    for (int from = 0; from < blocks; from += CHUNK) {
      int count = Math.min(CHUNK, blocks - from);
      for (int panel = firstPanel; panel < endPanel; panel++) {
        widen(job.weights(), panel, from, count, (panel - firstPanel) * ROWS);
      }
      for (int token = firstToken; token < endToken; token += TILE) {
        tile(
            job,
            tokens,
            token,
            Math.min(token + TILE, endToken),
            from,
            count,
            (token - firstToken) * WIDE);
      }
    }
    int rows = Math.min((endPanel - firstPanel) * ROWS, job.weights().rows() - firstPanel * ROWS);
    for (int token = firstToken; token < endToken; token++) {
      long at = job.yOffset(token) + firstPanel * (long) ROWS * Float.BYTES;
      MemorySegment.copy(
          sums, (token - firstToken) * WIDE, job.y().segment(), JAVA_FLOAT, at, rows);
    }
  }

  /** Quants and scales of a chunk of one panel, which becomes the rows from {@code row} on. */
  private void widen(PackedMatrix matrix, int panel, int from, int count, int row) {
    QuantLayout layout = matrix.quantLayout();
    long panelAt = panel * matrix.panelBytes();
    QuantScales own = widened[row / ROWS];
    own.widen(layout, matrix.segment(), panelAt, from, count);
    int groups = count * QuantLayout.BLOCK / layout.groupColumns();
    for (int i = 0; i < groups; i++) {
      System.arraycopy(own.scales(), i * ROWS, scales, i * WIDE + row, ROWS);
    }
    if (layout.hasMinimum()) {
      for (int i = 0; i < groups; i++) {
        System.arraycopy(own.minima(), i * ROWS, minima, i * WIDE + row, ROWS);
      }
    }
    long at = panelAt + layout.headerBytes(matrix.columns()) + from * (long) layout.quantBytes();
    for (int b = 0; b < count; b++) {
      for (int g = 0; g < 8; g++) {
        readGroup(layout, matrix.segment(), at + b * (long) layout.quantBytes(), g, group);
        long to = (b * 32L + g * 4L) * COLUMN_BYTES + row * 4L;
        if (layout.dtype() == DType.MXFP4) {
          spreadCodes(group, weights, to);
        } else {
          spread(group, layout.offset(), weights, to);
        }
      }
    }
  }

  /** The quants of every row in a group of four columns, a byte each. */
  private static void readGroup(QuantLayout layout, MemorySegment w, long at, int g, int[] into) {
    switch (layout.bits()) {
      case 8 -> readBytes(w, at + g * 64L, into);
      case 5 -> readFiveBits(w, at + g % 4 * 64L, g / 4 * 4, at + 256, g, into);
      case 6 -> {
        long upperAt = at + 256 + g / 4 * 64L;
        readSixBits(w, at + g % 4 * 64L, g / 4 * 4, upperAt, g % 4 * 2, into);
      }
      default -> readNibbles(w, at + g % 4 * 64L, g / 4 * 4, into);
    }
  }

  private static void readBytes(MemorySegment w, long at, int[] into) {
    for (int row = 0; row < ROWS; row += COUNT) {
      IntVector.fromMemorySegment(INTS, w, at + row * 4L, ORDER).intoArray(into, row);
    }
  }

  private static void readNibbles(MemorySegment w, long at, int shift, int[] into) {
    for (int row = 0; row < ROWS; row += COUNT) {
      IntVector.fromMemorySegment(INTS, w, at + row * 4L, ORDER)
          .lanewise(LSHR, shift)
          .and(0x0f0f_0f0f)
          .intoArray(into, row);
    }
  }

  private static void readFiveBits(
      MemorySegment w, long at, int shift, long upperAt, int upperShift, int[] into) {
    for (int row = 0; row < ROWS; row += COUNT) {
      IntVector upper =
          IntVector.fromMemorySegment(INTS, w, upperAt + row * 4L, ORDER)
              .lanewise(LSHR, upperShift)
              .and(0x0101_0101);
      IntVector.fromMemorySegment(INTS, w, at + row * 4L, ORDER)
          .lanewise(LSHR, shift)
          .and(0x0f0f_0f0f)
          .or(upper.lanewise(LSHL, 4))
          .intoArray(into, row);
    }
  }

  private static void readSixBits(
      MemorySegment w, long at, int shift, long upperAt, int upperShift, int[] into) {
    for (int row = 0; row < ROWS; row += COUNT) {
      IntVector upper =
          IntVector.fromMemorySegment(INTS, w, upperAt + row * 4L, ORDER)
              .lanewise(LSHR, upperShift)
              .and(0x0303_0303);
      IntVector.fromMemorySegment(INTS, w, at + row * 4L, ORDER)
          .lanewise(LSHR, shift)
          .and(0x0f0f_0f0f)
          .or(upper.lanewise(LSHL, 4))
          .intoArray(into, row);
    }
  }

  /** Four columns of a panel as f32. */
  private static void spread(int[] group, int offset, MemorySegment into, long at) {
    for (int row = 0; row < ROWS; row += COUNT) {
      IntVector four = IntVector.fromArray(INTS, group, row);
      for (int i = 0; i < 4; i++) {
        IntVector quant = four.lanewise(LSHR, 8 * i).and(255).sub(offset);
        ((FloatVector) quant.convert(I2F, 0))
            .intoMemorySegment(into, at + i * COLUMN_BYTES + row * 4L, ORDER);
      }
    }
  }

  /** The same of codes of MXFP4, as {@link Mxfp4Layout#doubled} says. */
  private static void spreadCodes(int[] group, MemorySegment into, long at) {
    for (int row = 0; row < ROWS; row += COUNT) {
      IntVector four = IntVector.fromArray(INTS, group, row);
      for (int i = 0; i < 4; i++) {
        IntVector code = four.lanewise(LSHR, 8 * i);
        IntVector sign = code.lanewise(LSHL, 28).lanewise(ASHR, 31);
        IntVector m = code.and(7);
        IntVector number = m.max(m.lanewise(LSHL, 1).sub(4)).max(m.lanewise(LSHL, 2).sub(16));
        ((FloatVector) number.lanewise(XOR, sign).sub(sign).convert(I2F, 0))
            .intoMemorySegment(into, at + i * COLUMN_BYTES + row * 4L, ORDER);
      }
    }
  }

  private void tile(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstToken,
      int endToken,
      int from,
      int count,
      int at) {
    QuantLayout layout = job.weights().quantLayout();
    long rowBytes = CHUNK * QuantLayout.BLOCK * 4L;
    for (int token = firstToken; token < endToken; token++) {
      expand(tokens, token, from, count, (token - firstToken) * rowBytes);
    }
    int step = layout.groupColumns();
    for (int column = 0; column < count * QuantLayout.BLOCK; column += step) {
      Arrays.fill(dots, 0f);
      long wAt = column * COLUMN_BYTES;
      long xAt = column * 4L;
      dotsOfFour(wAt, step, xAt, rowBytes);
      long block = (from + column / QuantLayout.BLOCK) * (long) QuantBlock.BYTES;
      for (int token = firstToken; token < endToken; token++) {
        long header = tokens.offset(token) + block;
        int t = (token - firstToken) * WIDE;
        float scale = tokens.blocks().get(JAVA_FLOAT, header + QuantBlock.SCALE_AT);
        addScaled(dots, t, scales, column / step * WIDE, scale, sums, at + t);
        if (layout.hasMinimum()) {
          float taken = tokens.blocks().get(JAVA_FLOAT, header + QuantBlock.MINIMUM_AT);
          addMinimum(minima, column / step * WIDE, taken, sums, at + t);
        }
      }
    }
  }

  private void dotsOfFour(long wAt, int count, long xAt, long rowBytes) {
    long x1 = xAt + rowBytes;
    long x2 = x1 + rowBytes;
    long x3 = x2 + rowBytes;
    if (COUNT == 8) {
      for (int row = 0; row < WIDE; row += 2 * COUNT) {
        F32Panels.multiply4Narrow(weights, wAt + row * 4L, count, x, xAt, x1, x2, x3, dots, row);
      }
    } else {
      for (int row = 0; row < WIDE; row += 4 * COUNT) {
        F32Panels.multiply4(weights, wAt + row * 4L, count, x, xAt, x1, x2, x3, dots, row);
      }
    }
  }

  /** The quants of a chunk of one token as f32. */
  private void expand(QuantisedTokens tokens, int token, int from, int count, long at) {
    long source = tokens.offset(token) + from * (long) QuantBlock.BYTES;
    for (int b = 0; b < count; b++) {
      if (COUNT == 4) {
        expandInts(tokens.blocks(), source + b * 64L, x, at + b * 128L); // four bytes are no vector
      } else {
        expandBytes(tokens.blocks(), source + b * 64L, x, at + b * 128L);
      }
    }
  }

  private static void expandBytes(MemorySegment blocks, long from, MemorySegment into, long at) {
    for (int i = 0; i < QuantLayout.BLOCK; i += COUNT) {
      ((FloatVector)
              ByteVector.fromMemorySegment(Lanes.QUARTER_BYTES, blocks, from + i, ORDER)
                  .convertShape(B2F, FLOATS, 0))
          .intoMemorySegment(into, at + i * 4L, ORDER);
    }
  }

  private static void expandInts(MemorySegment blocks, long from, MemorySegment into, long at) {
    for (int i = 0; i < QuantLayout.BLOCK; i += 4) {
      int four = blocks.get(JAVA_INT, from + i);
      into.set(JAVA_FLOAT, at + i * 4L, four << 24 >> 24);
      into.set(JAVA_FLOAT, at + i * 4L + 4, four << 16 >> 24);
      into.set(JAVA_FLOAT, at + i * 4L + 8, four << 8 >> 24);
      into.set(JAVA_FLOAT, at + i * 4L + 12, four >> 24);
    }
  }

  private static void addScaled(
      float[] dots, int dotsAt, float[] scales, int scalesAt, float scale, float[] sums, int at) {
    for (int row = 0; row < WIDE; row += COUNT) {
      FloatVector factor = FloatVector.fromArray(FLOATS, scales, scalesAt + row).mul(scale);
      FloatVector.fromArray(FLOATS, dots, dotsAt + row)
          .fma(factor, FloatVector.fromArray(FLOATS, sums, at + row))
          .intoArray(sums, at + row);
    }
  }

  private static void addMinimum(float[] minima, int minimaAt, float taken, float[] sums, int at) {
    for (int row = 0; row < WIDE; row += COUNT) {
      FloatVector.fromArray(FLOATS, minima, minimaAt + row)
          .fma(FloatVector.broadcast(FLOATS, taken), FloatVector.fromArray(FLOATS, sums, at + row))
          .intoArray(sums, at + row);
    }
  }
}
