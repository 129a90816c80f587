package dev.consilium.router;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.TensorHeader;
import dev.consilium.tensor.KvDType;
import java.util.Arrays;
import java.util.Locale;

/** What keys and values are kept as: the setting {@code kv-dtype}. */
public enum KvCacheDType {
  /** f32 for checkpoints whose weights are all f32, f16 for others. */
  AUTO,
  F32,
  F16,
  BF16,
  /** 8 bits, and a scale for each 32 elements of a head. */
  Q8_0;

  /**
   * The choice of a name such as {@code q8_0}, in small or capital letters.
   *
   * @throws IllegalArgumentException if there is none of that name
   */
  public static KvCacheDType of(String name) {
    for (KvCacheDType dtype : values()) {
      if (dtype.name().equalsIgnoreCase(name)) {
        return dtype;
      }
    }
    throw new IllegalArgumentException(
        "kv-dtype is %s, expected one of %s"
            .formatted(name, Arrays.toString(values()).toLowerCase(Locale.ROOT)));
  }

  /** What it means for a checkpoint. */
  public KvDType dtype(Checkpoint checkpoint) {
    return switch (this) {
      case AUTO -> ofWeights(checkpoint);
      case F32 -> KvDType.F32;
      case F16 -> KvDType.F16;
      case BF16 -> KvDType.BF16;
      case Q8_0 -> KvDType.Q8_0;
    };
  }

  private static KvDType ofWeights(Checkpoint checkpoint) {
    return checkpoint.headers().values().stream()
            .map(TensorHeader::dtype)
            .allMatch(KvDType.F32.name()::equals)
        ? KvDType.F32
        : KvDType.F16;
  }
}
