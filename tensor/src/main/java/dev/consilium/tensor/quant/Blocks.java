package dev.consilium.tensor.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Fields of blocks. */
final class Blocks {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** The largest finite binary16. */
  private static final float MAX_HALF = 65504f;

  private Blocks() {}

  static int unsignedByte(MemorySegment block, long at) {
    return block.get(JAVA_BYTE, at) & 0xff;
  }

  static void setByte(MemorySegment block, long at, int value) {
    block.set(JAVA_BYTE, at, (byte) value);
  }

  static int integer(MemorySegment block, long at) {
    return block.get(INT, at);
  }

  static void setInteger(MemorySegment block, long at, int value) {
    block.set(INT, at, value);
  }

  static float single(MemorySegment block, long at) {
    return Float.intBitsToFloat(block.get(INT, at));
  }

  static void setSingle(MemorySegment block, long at, float value) {
    block.set(INT, at, Float.floatToRawIntBits(value));
  }

  static float half(MemorySegment block, long at) {
    return Float.float16ToFloat(block.get(SHORT, at));
  }

  /** Stores the nearest binary16 and gives back its value. */
  static float setHalf(MemorySegment block, long at, float value) {
    short bits = Float.floatToFloat16(Math.clamp(value, -MAX_HALF, MAX_HALF));
    block.set(SHORT, at, bits);
    return Float.float16ToFloat(bits);
  }

  /** {@code 1 / value}, or 0 where that is not finite: a block of zeros. */
  static float inverse(float value) {
    float inverse = 1f / value;
    return Float.isFinite(inverse) ? inverse : 0f;
  }

  /** The nearest integer in a range, ties to even. */
  static int round(float value, int least, int most) {
    return (int) Math.clamp(Math.rint(value), least, most);
  }

  /** The value that is furthest from zero, with its sign. */
  static float furthest(float[] values, int from, int count) {
    float furthest = 0f;
    for (int i = from; i < from + count; i++) {
      if (Math.abs(values[i]) > Math.abs(furthest)) {
        furthest = values[i];
      }
    }
    return furthest;
  }
}
