package dev.consilium.tensor;

/** How a cache stores keys and values. Arithmetic on them is f32 in any case. */
public enum KvDType {
  /** IEEE 754 binary32, as computed. */
  F32(4),
  /** IEEE 754 binary16; finite values beyond its range become its largest. */
  F16(2),
  /** The upper half of a binary32; finite values beyond its range become its largest. */
  BF16(2),
  /**
   * 8 bits an element, and an f32 scale for each token, head and 32 elements of the head dimension.
   */
  Q8_0(1);

  /** Elements of a head that share a scale, where there are scales. */
  static final int GROUP = 32;

  private final int elementBytes;

  KvDType(int elementBytes) {
    this.elementBytes = elementBytes;
  }

  /** Bytes of an element, without its share of a scale. */
  int elementBytes() {
    return elementBytes;
  }

  /** Scales for so many elements of one head. */
  int groups(int elements) {
    return this == Q8_0 ? (elements + GROUP - 1) / GROUP : 0;
  }
}
