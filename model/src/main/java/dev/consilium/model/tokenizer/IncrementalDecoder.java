package dev.consilium.model.tokenizer;

/**
 * Turns the token ids of one stream to text while they arrive.
 *
 * <p>What {@link #append} and {@link #flush} return, put together, is what {@link Tokenizer#decode}
 * makes of all ids at once; no piece ends inside a character. How, depends on the way the tokenizer
 * joins tokens to text, which is what the subclasses are for. Each token costs at most a few native
 * calls on a few tokens, however long the stream is.
 *
 * <p>Threading: one thread at a time.
 */
public abstract sealed class IncrementalDecoder
    permits ByteLevelDecoder, ByteFallbackDecoder, WindowDecoder {

  private final Vocabulary vocabulary;
  private final boolean skipSpecialTokens;
  private boolean flushed;

  IncrementalDecoder(Vocabulary vocabulary, boolean skipSpecialTokens) {
    this.vocabulary = vocabulary;
    this.skipSpecialTokens = skipSpecialTokens;
  }

  static IncrementalDecoder of(
      Tokenizer tokenizer, Vocabulary vocabulary, boolean skipSpecialTokens) {
    return switch (vocabulary.joining()) {
      case BYTE_LEVEL -> new ByteLevelDecoder(tokenizer, vocabulary, skipSpecialTokens);
      case BYTE_FALLBACK ->
          ByteFallbackDecoder.letterA(vocabulary).isPresent()
              ? new ByteFallbackDecoder(tokenizer, vocabulary, skipSpecialTokens)
              : new WindowDecoder(tokenizer, vocabulary, skipSpecialTokens);
      case OTHER -> new WindowDecoder(tokenizer, vocabulary, skipSpecialTokens);
    };
  }

  /**
   * Takes the next token.
   *
   * @return the text that is complete now and was not returned before, often empty
   * @throws IllegalArgumentException if the id is negative
   * @throws IllegalStateException after {@link #flush}
   */
  public final String append(int id) {
    Tokenizer.requireId(id);
    if (flushed) {
      throw new IllegalStateException("the stream was flushed; take a new decoder");
    }
    boolean skipped = skipSpecialTokens && vocabulary.isSpecial(id);
    return skipped || vocabulary.text(id).isEmpty() ? "" : appendKnown(id);
  }

  /**
   * Ends the stream: what was held back, incomplete characters as U+FFFD. A second call returns
   * nothing more.
   */
  public final String flush() {
    if (flushed) {
      return "";
    }
    flushed = true;
    return flushHeld();
  }

  /** Takes the next token, which exists and is not to be skipped. */
  abstract String appendKnown(int id);

  abstract String flushHeld();
}
