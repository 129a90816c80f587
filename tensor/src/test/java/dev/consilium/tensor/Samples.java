package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;

/** Numbers to test kernels with. */
final class Samples {
  private static final float[] EXTREMES = {
    0f,
    -0f,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    Float.MIN_NORMAL,
    -1e-40f,
    1e30f,
    -1e30f,
    Float.MAX_VALUE,
    1f,
    -1f,
    88.72283f,
    88.7229f,
    -87.33654f,
    -87.3366f,
    -103f,
    Math.nextUp(1f)
  };
  private static final float[] SPECIALS = {
    Float.NaN,
    Float.intBitsToFloat(0x7f80_0001),
    Float.intBitsToFloat(0xffff_ffff),
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY
  };

  private Samples() {}

  /** Mostly of the order of 1, some extreme, all finite. */
  static float finite(Random random) {
    return random.nextInt(8) == 0
        ? EXTREMES[random.nextInt(EXTREMES.length)]
        : (float) random.nextGaussian();
  }

  /** As {@link #finite}, and now and then NaN or infinite. */
  static float any(Random random) {
    return random.nextInt(16) == 0 ? SPECIALS[random.nextInt(SPECIALS.length)] : finite(random);
  }

  static float normal(Random random) {
    return (float) random.nextGaussian();
  }

  /** How one sample is drawn. */
  interface Draw {
    float from(Random random);
  }

  /** A vector that starts {@code at} bytes into its memory and has nothing behind it. */
  static MemorySegment vector(Random random, int n, long at, Draw draw) {
    MemorySegment segment = Arena.ofAuto().allocate(at + n * 4L, 64);
    for (int i = 0; i < n; i++) {
      segment.set(JAVA_FLOAT, at + i * 4L, draw.from(random));
    }
    return segment;
  }

  static MemorySegment copy(MemorySegment segment) {
    return Arena.ofAuto().allocate(segment.byteSize(), 64).copyFrom(segment);
  }

  static F32Matrix matrix(Random random, int rows, int columns, Draw draw) {
    F32Matrix matrix = F32Matrix.allocate(rows, columns);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        matrix.set(row, column, draw.from(random));
      }
    }
    return matrix;
  }

  /** Row-major weights {@code [rows, columns]} at an odd address. */
  static MemorySegment weights(Random random, DType dtype, int rows, int columns) {
    long bytes = rows * dtype.rowBytes(columns);
    MemorySegment segment = Arena.ofAuto().allocate(bytes + 1, 64).asSlice(1);
    if (dtype.blockElements() > 1) {
      for (long at = 0; at < bytes; at += dtype.blockBytes()) {
        setBlock(segment.asSlice(at, dtype.blockBytes()), dtype, random);
      }
      return segment;
    }
    for (long i = 0; i < (long) rows * columns; i++) {
      setWeight(segment, dtype, i, random);
    }
    return segment;
  }

  /** Any bits, but for the scales, which are finite. */
  private static void setBlock(MemorySegment block, DType dtype, Random random) {
    byte[] bits = new byte[dtype.blockBytes()];
    random.nextBytes(bits);
    MemorySegment.copy(bits, 0, block, JAVA_BYTE, 0, bits.length);
    switch (dtype) {
      case Q4_K, Q5_K -> {
        block.set(JAVA_SHORT_UNALIGNED, 0, finiteHalf(random));
        block.set(JAVA_SHORT_UNALIGNED, 2, finiteHalf(random));
      }
      case Q6_K -> block.set(JAVA_SHORT_UNALIGNED, 208, finiteHalf(random));
      case MXFP4, F4_BLOCKS ->
          block.set(
              JAVA_BYTE,
              0,
              (byte) (random.nextBoolean() ? 115 + random.nextInt(20) : random.nextInt(253)));
      case F8_BLOCKS -> {
        block.set(JAVA_FLOAT_UNALIGNED, 0, (float) random.nextGaussian() * 0.01f);
        for (int i = 4; i < bits.length; i++) {
          if ((bits[i] & 0x7f) == 0x7f) {
            block.set(JAVA_BYTE, i, (byte) 0x7e); // the largest; 0x7f is not a number
          }
        }
        return;
      }
      default -> block.set(JAVA_SHORT_UNALIGNED, 0, finiteHalf(random));
    }
    if (random.nextInt(8) == 0) {
      // The furthest values of quants and small scales.
      block.asSlice(4, block.byteSize() - 6).fill((byte) (random.nextBoolean() ? 0 : 0xff));
    }
  }

  /** Mostly of the order of 0.01. */
  private static short finiteHalf(Random random) {
    short bits = Float.floatToFloat16((float) random.nextGaussian() * 0.01f);
    while (random.nextInt(8) == 0 || !Float.isFinite(Float.float16ToFloat(bits))) {
      bits = (short) random.nextInt();
    }
    return bits;
  }

  private static void setWeight(MemorySegment segment, DType dtype, long i, Random random) {
    if (dtype == DType.F32) {
      segment.set(JAVA_FLOAT_UNALIGNED, i * 4, finite(random));
      return;
    }
    short bits = (short) random.nextInt();
    while (!Float.isFinite(widen(dtype, bits))) {
      bits = (short) random.nextInt();
    }
    if (random.nextBoolean()) {
      float normal = (float) random.nextGaussian();
      bits = dtype == DType.BF16 ? Bf16.fromFloat(normal) : Float.floatToFloat16(normal);
    }
    segment.set(JAVA_SHORT_UNALIGNED, i * 2, bits);
  }

  static float widen(DType dtype, short bits) {
    return dtype == DType.BF16 ? Float.intBitsToFloat(bits << 16) : Float.float16ToFloat(bits);
  }

  /** The weight as it was stored, read without the code under test. */
  static float weight(MemorySegment weights, DType dtype, long index) {
    if (dtype.blockElements() > 1) {
      float[] block = new float[dtype.blockElements()];
      long at = index / block.length * dtype.blockBytes();
      dtype.format().orElseThrow().dequantise(weights, at, block, 0);
      return block[(int) (index % block.length)];
    }
    return dtype == DType.F32
        ? weights.get(JAVA_FLOAT_UNALIGNED, index * 4)
        : widen(dtype, weights.get(JAVA_SHORT_UNALIGNED, index * 2));
  }

  /** The next number of columns that is a whole number of blocks. */
  static int wholeBlocks(DType dtype, int columns) {
    int size = dtype.blockElements();
    return (columns + size - 1) / size * size;
  }

  static PackedMatrix packed(Random random, DType dtype, int rows, int columns) {
    return PackedMatrix.pack(dtype, columns, List.of(weights(random, dtype, rows, columns)));
  }
}
