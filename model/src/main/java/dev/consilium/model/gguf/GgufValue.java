package dev.consilium.model.gguf;

/** One metadata value. Lists stay in the file until they are asked for. */
public sealed interface GgufValue {

  /** How the file encodes it. */
  GgufValueType type();

  /**
   * A whole number of any width.
   *
   * @param value negative for a UINT64 from 2^63, which no key that we know takes
   */
  record Whole(GgufValueType type, long value) implements GgufValue {}

  /** A number with a fraction, of either width. */
  record Real(GgufValueType type, double value) implements GgufValue {}

  /** Yes or no. */
  record Flag(boolean value) implements GgufValue {
    @Override
    public GgufValueType type() {
      return GgufValueType.BOOL;
    }
  }

  /** A string. */
  record Text(String value) implements GgufValue {
    @Override
    public GgufValueType type() {
      return GgufValueType.STRING;
    }
  }

  /**
   * A list, still in the file; its strings, if it has any, are known to lie inside it.
   *
   * @param elementType not ARRAY
   * @param count of elements
   * @param offset of the first, in the file
   * @param byteSize of all
   */
  record Sequence(GgufValueType elementType, long count, long offset, long byteSize)
      implements GgufValue {
    @Override
    public GgufValueType type() {
      return GgufValueType.ARRAY;
    }
  }
}
