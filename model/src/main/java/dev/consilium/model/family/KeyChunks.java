package dev.consilium.model.family;

/**
 * Those of its own chunk: positions {@code size * n .. size * n + size - 1}.
 *
 * @param size in tokens; at least 1
 */
public record KeyChunks(int size) implements KeyRange {

  public KeyChunks {
    if (size < 1) {
      throw new IllegalArgumentException("chunks of " + size + " tokens, want at least 1");
    }
  }

  @Override
  public int window() {
    return size;
  }
}
