package dev.consilium.model.conversion;

import dev.consilium.model.gguf.GgufTensorType;

/**
 * How the weights of a whole model are encoded. Each tensor gets the type that its role asks for:
 *
 * <ul>
 *   <li>norms, biases and gates: f32;
 *   <li>with the k types, embedding and head: q6_k, which costs little and keeps most of what they
 *       lose otherwise;
 *   <li>with mxfp4, everything but the routed experts: q8_0;
 *   <li>a matrix whose rows are no whole blocks of its type: q8_0, and f32 if that does not fit
 *       either.
 * </ul>
 */
public enum Quantisation {
  F32(GgufTensorType.F32, 0),
  F16(GgufTensorType.F16, 1),
  BF16(GgufTensorType.BF16, 32),
  Q8_0(GgufTensorType.Q8_0, 7),
  Q4_0(GgufTensorType.Q4_0, 2),
  Q5_0(GgufTensorType.Q5_0, 8),
  Q4_K(GgufTensorType.Q4_K, 14),
  Q5_K(GgufTensorType.Q5_K, 16),
  Q6_K(GgufTensorType.Q6_K, 18),
  MXFP4(GgufTensorType.MXFP4, 38);

  private final GgufTensorType type;
  private final int fileType;

  Quantisation(GgufTensorType type, int fileType) {
    this.type = type;
    this.fileType = fileType;
  }

  /** What {@code general.file_type} says of such a file. */
  public int fileType() {
    return fileType;
  }

  /** The type of most matrices. */
  public GgufTensorType type() {
    return type;
  }

  /**
   * The type of a tensor.
   *
   * @param columns weights of a row
   */
  GgufTensorType typeOf(WeightRole role, long columns) {
    GgufTensorType wanted =
        switch (role) {
          case VECTOR, GATE -> GgufTensorType.F32;
          case EMBEDDING, HEAD -> embedding();
          case EXPERTS -> type;
          case MATRIX -> this == MXFP4 ? GgufTensorType.Q8_0 : type;
        };
    return fitting(wanted, columns);
  }

  private static GgufTensorType fitting(GgufTensorType wanted, long columns) {
    if (columns % wanted.blockElements() == 0) {
      return wanted;
    }
    return columns % GgufTensorType.Q8_0.blockElements() == 0
        ? GgufTensorType.Q8_0
        : GgufTensorType.F32;
  }

  /**
   * The type of a tensor if all matrices but gates are encoded alike, so that measurements are of
   * one type.
   */
  public GgufTensorType uniformTypeOf(WeightRole role, long columns) {
    return switch (role) {
      case VECTOR, GATE -> GgufTensorType.F32;
      case EMBEDDING, HEAD, EXPERTS, MATRIX -> fitting(type, columns);
    };
  }

  private GgufTensorType embedding() {
    return switch (this) {
      case Q4_K, Q5_K, Q6_K -> GgufTensorType.Q6_K;
      case MXFP4 -> GgufTensorType.Q8_0;
      default -> type;
    };
  }
}
