package dev.consilium.model.family;

/** What the RMS norm on queries and keys spans; it comes before the rotation. */
public enum QkNorm {
  NONE,
  /** Each head by itself; weights {@code [headDim]}, shared by all heads. */
  PER_HEAD,
  /**
   * All heads of a token together; weights {@code [heads * headDim]}, for keys {@code [kvHeads *
   * headDim]}.
   */
  WHOLE_PROJECTION
}
