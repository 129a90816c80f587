package dev.consilium.model.tokenizer;

/**
 * For tokens that stand for bytes. The text of all tokens is the UTF-8 reading of their bytes, so a
 * further byte can only change how an incomplete character at the very end reads: as one U+FFFD
 * until it is complete. Everything before that U+FFFD is final.
 *
 * <p>The window is emptied whenever the text ends with a complete character. Where bytes are not
 * valid UTF-8 that may never happen; then the window is cut at a boundary that no character spans,
 * which one of any four neighbouring boundaries is, a character having at most four bytes.
 */
final class ByteLevelDecoder extends IncrementalDecoder {

  private static final char REPLACEMENT = '\uFFFD';
  private static final int MAX_WINDOW = 12;
  private static final int CHARACTER_BYTES = 4;

  private final Tokenizer tokenizer;
  private final TokenWindow window = new TokenWindow();

  /** UTF-16 units of the window's text already returned. */
  private int returned;

  ByteLevelDecoder(Tokenizer tokenizer, Vocabulary vocabulary, boolean skipSpecialTokens) {
    super(vocabulary, skipSpecialTokens);
    this.tokenizer = tokenizer;
  }

  @Override
  String appendKnown(int id) {
    window.add(id);
    String text = decode(0, window.size());
    boolean open = !text.isEmpty() && text.charAt(text.length() - 1) == REPLACEMENT;
    if (!open) {
      return rest(text);
    }
    int complete = text.length() - 1;
    String piece = text.substring(Math.min(returned, complete), complete);
    returned = Math.max(returned, complete);
    if (window.size() > MAX_WINDOW) {
      cut(text);
    }
    return piece;
  }

  @Override
  String flushHeld() {
    return rest(decode(0, window.size()));
  }

  private String rest(String text) {
    String piece = text.substring(returned);
    window.clear();
    returned = 0;
    return piece;
  }

  /** A boundary inside a character shows: its two parts read as one U+FFFD more than the whole. */
  private void cut(String text) {
    int size = window.size();
    for (int at = size - 1; at >= size - CHARACTER_BYTES; at--) {
      String before = decode(0, at);
      if (before.length() <= returned && (before + decode(at, size)).equals(text)) {
        window.dropFirst(at);
        returned -= before.length();
        return;
      }
    }
  }

  private String decode(int from, int to) {
    return tokenizer.decode(window.slice(from, to), false);
  }
}
