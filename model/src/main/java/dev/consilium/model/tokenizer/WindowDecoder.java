package dev.consilium.model.tokenizer;

/**
 * For decoders that are neither byte-level nor fall back to bytes: decodes between two offsets. The
 * tokens of the last piece stay as context, because such decoders treat the first token of a text
 * differently (its leading space, its {@code ##}); what the new tokens add to the context's text is
 * the new piece. A piece that ends with U+FFFD is held for at most {@value #MAX_HELD} tokens.
 */
final class WindowDecoder extends IncrementalDecoder {

  private static final int MAX_HELD = 8;

  private final Tokenizer tokenizer;

  /** The context's tokens, then the tokens whose text was not yet returned. */
  private final TokenWindow window = new TokenWindow();

  private int contextSize;

  WindowDecoder(Tokenizer tokenizer, Vocabulary vocabulary, boolean skipSpecialTokens) {
    super(vocabulary, skipSpecialTokens);
    this.tokenizer = tokenizer;
  }

  @Override
  String appendKnown(int id) {
    window.add(id);
    String piece = piece();
    boolean open = piece.isEmpty() || piece.endsWith("\uFFFD");
    if (open && window.size() - contextSize < MAX_HELD) {
      return "";
    }
    window.dropFirst(contextSize);
    contextSize = window.size();
    return piece;
  }

  @Override
  String flushHeld() {
    return piece();
  }

  private String piece() {
    String context = tokenizer.decode(window.slice(0, contextSize), false);
    String text = tokenizer.decode(window.all(), false);
    return text.substring(Math.min(context.length(), text.length()));
  }
}
