package dev.consilium.model.expert;

/**
 * What an expert's weighted output is rounded to before the combine; results stay f32 in memory.
 */
public enum RoundTo {
  /** Nothing is rounded. */
  F32,
  /** The nearest bfloat16, ties to even. */
  BF16
}
