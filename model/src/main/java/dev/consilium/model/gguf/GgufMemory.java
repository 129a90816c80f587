package dev.consilium.model.gguf;

/**
 * Counts what the headers of a model's files will hold in memory, before they do, and refuses what
 * no honest model needs. A list of short strings takes ten times its bytes in the file, so bytes
 * alone are no bound. One thread.
 */
final class GgufMemory {

  /** The largest published models need a fourth: 50,000 tensors and a copy of a tokenizer file. */
  static final long MOST_BYTES = 256L << 20;

  /** A key's place in a map, and a number as its value. */
  static final int KEY_BYTES = 100;

  /** A tensor's places in a list and a map, and its shape. */
  static final int TENSOR_BYTES = 400;

  /** A string's object, its array's header and a reference to it. */
  private static final int STRING_BYTES = 64;

  /** Of a character; all characters of a string take two if one is beyond Latin. */
  private static final int CHARACTER_BYTES = 2;

  private long heldBytes;

  /** Most that strings take, whatever is in them. */
  static long ofStrings(long count, long utf8Bytes) {
    return count * STRING_BYTES + utf8Bytes * CHARACTER_BYTES;
  }

  /** Counts what is about to be read. */
  void hold(GgufInput from, String what, long bytes) {
    heldBytes += bytes;
    if (heldBytes > MOST_BYTES) {
      throw from.wrong(
          "its names and strings would take more than %d MiB of memory up to %s: the file is damaged or no model"
              .formatted(MOST_BYTES >> 20, what));
    }
  }
}
