package dev.consilium.model.family;

/** What the RMS norm on queries and keys spans. */
public enum QkNorm {
  NONE,
  /** Each head by itself, before the rotation; weights {@code [headDim]}, shared by all heads. */
  PER_HEAD,
  /**
   * All heads of a token together, before the rotation; weights {@code [heads * headDim]}, for keys
   * {@code [kvHeads * headDim]}.
   */
  WHOLE_PROJECTION,
  /** As {@link #PER_HEAD}, after the rotation. */
  PER_HEAD_ROTATED,
  /** As {@link #PER_HEAD_ROTATED}, without weights. */
  PER_HEAD_ROTATED_UNWEIGHTED;

  /** Whether there are weights. */
  public boolean weighted() {
    return this != NONE && this != PER_HEAD_ROTATED_UNWEIGHTED;
  }

  /** Whether it comes after the rotation. */
  public boolean rotated() {
    return this == PER_HEAD_ROTATED || this == PER_HEAD_ROTATED_UNWEIGHTED;
  }
}
