package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * MXFP4: an exponent byte for each 32 columns; a stored quant is the code of a number. What is
 * multiplied is twice the number, an integer, so scales are halved.
 */
final class Mxfp4Layout extends QuantLayout {
  /** With a larger exponent, the largest number is no longer a float. */
  private static final int LARGEST_EXPONENT = 252;

  Mxfp4Layout() {
    super(DType.MXFP4, 4, ROWS);
  }

  /** Of the doubled numbers, which go from -12 to 12. */
  @Override
  int offset() {
    return 12;
  }

  @Override
  float scale(MemorySegment panel, int row, int group) {
    int exponent = panel.get(JAVA_BYTE, scalesAt(group) + row) & 0xff;
    // 2^(e - 128): half of 2^(e - 127), which as bits is e << 23, or 2^-127 for e = 0.
    return 0.5f * Float.intBitsToFloat(Math.max(exponent << 23, 0x0040_0000));
  }

  @Override
  int integer(int stored) {
    return doubled(stored);
  }

  /** Twice the number that a code stands for: 0, 1, 2, 3, 4, 6, 8, 12 and their negatives. */
  static int doubled(int code) {
    int m = code & 7;
    int magnitude = Math.max(m, Math.max(2 * m - 4, 4 * m - 16));
    return (code & 8) == 0 ? magnitude : -magnitude;
  }

  @Override
  int packRow(MemorySegment source, long at, MemorySegment panel, int columns, int row) {
    long to = headerBytes(columns) + row * 4L;
    int wrong = -1;
    for (int block = 0; block < columns / BLOCK; block++, at += 17, to += 256) {
      byte exponent = source.get(JAVA_BYTE, at);
      panel.set(JAVA_BYTE, scalesAt(block) + row, exponent);
      if ((exponent & 0xff) > LARGEST_EXPONENT && wrong < 0) {
        wrong = block;
      }
      PlainLayout.copyNibbles(source, at + 1, panel, to);
    }
    return wrong;
  }
}
