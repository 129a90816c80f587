package dev.consilium.model.conversion;

import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.tensor.Bf16;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.quant.BlockFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Rows of weights between their encodings and f32. */
public final class WeightCodec {

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private WeightCodec() {}

  /** The type of the same name that we compute with. */
  public static DType dtype(GgufTensorType type) {
    return Arrays.stream(DType.values())
        .filter(dtype -> dtype.name().equals(type.name()))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("weights cannot be encoded as " + type));
  }

  /** Reads {@code into.length} weights from {@code offset}. */
  static void decode(DType dtype, MemorySegment bytes, long offset, float[] into) {
    switch (dtype) {
      case F32 -> MemorySegment.copy(bytes, FLOAT, offset, into, 0, into.length);
      case F16 -> {
        for (int i = 0; i < into.length; i++) {
          into[i] = Float.float16ToFloat(bytes.get(SHORT, offset + 2L * i));
        }
      }
      case BF16 -> {
        for (int i = 0; i < into.length; i++) {
          into[i] = Bf16.toFloat(bytes.get(SHORT, offset + 2L * i));
        }
      }
      case Q8_0, Q4_0, Q5_0, Q4_K, Q5_K, Q6_K, MXFP4, F8_BLOCKS, F4_BLOCKS -> {
        BlockFormat format = dtype.format().orElseThrow();
        for (int i = 0; i < into.length / format.elements(); i++) {
          format.dequantise(bytes, offset + (long) i * format.bytes(), into, i * format.elements());
        }
      }
    }
  }

  /**
   * Writes weights at {@code offset}, rounded to the nearest that the type has.
   *
   * @throws IllegalArgumentException if one is not finite, before or after
   */
  public static void encode(DType dtype, float[] from, MemorySegment bytes, long offset) {
    for (float weight : from) {
      requireFinite(weight, weight, dtype);
    }
    switch (dtype) {
      case F32 -> MemorySegment.copy(from, 0, bytes, FLOAT, offset, from.length);
      case F16 -> {
        for (int i = 0; i < from.length; i++) {
          short half = Float.floatToFloat16(from[i]);
          requireFinite(Float.float16ToFloat(half), from[i], dtype);
          bytes.set(SHORT, offset + 2L * i, half);
        }
      }
      case BF16 -> {
        for (int i = 0; i < from.length; i++) {
          int bits = Float.floatToRawIntBits(from[i]);
          short upper = (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
          requireFinite(Bf16.toFloat(upper), from[i], dtype);
          bytes.set(SHORT, offset + 2L * i, upper);
        }
      }
      case Q8_0, Q4_0, Q5_0, Q4_K, Q5_K, Q6_K, MXFP4, F8_BLOCKS, F4_BLOCKS -> {
        BlockFormat format = dtype.format().orElseThrow();
        for (int i = 0; i < from.length / format.elements(); i++) {
          format.quantise(from, i * format.elements(), bytes, offset + (long) i * format.bytes());
        }
      }
    }
  }

  private static void requireFinite(float encoded, float weight, DType dtype) {
    if (!Float.isFinite(encoded)) {
      throw new IllegalArgumentException(
          "a weight is %s, which %s cannot hold as a finite number".formatted(weight, dtype));
    }
  }
}
