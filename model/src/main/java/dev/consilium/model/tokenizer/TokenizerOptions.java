package dev.consilium.model.tokenizer;

/**
 * Bounds on what a tokenizer reads.
 *
 * @param maxTextBytes most UTF-8 bytes of one text to encode; the native library needs up to 300
 *     bytes of memory per byte of text
 * @param maxFileBytes most bytes of {@code tokenizer.json} (the largest published ones have about
 *     35 MiB), and of memory that one list of a GGUF file's tokenizer takes
 * @param maxVocabularySize token ids must be below this
 */
public record TokenizerOptions(int maxTextBytes, int maxFileBytes, int maxVocabularySize) {

  /** 16 MiB of text, 128 MiB of file, 4 Mi tokens. */
  public static final TokenizerOptions DEFAULT = new TokenizerOptions(16 << 20, 128 << 20, 4 << 20);

  /** Checks that every bound is positive. */
  public TokenizerOptions {
    requirePositive("maxTextBytes", maxTextBytes);
    requirePositive("maxFileBytes", maxFileBytes);
    requirePositive("maxVocabularySize", maxVocabularySize);
  }

  /** The same bounds with another limit on the text. */
  public TokenizerOptions withMaxTextBytes(int bytes) {
    return new TokenizerOptions(bytes, maxFileBytes, maxVocabularySize);
  }

  private static void requirePositive(String name, int value) {
    if (value <= 0) {
      throw new IllegalArgumentException(name + " must be positive, was " + value);
    }
  }
}
