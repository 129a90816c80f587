package dev.consilium.model.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Finds stop texts in text that arrives in pieces, and lets through only text that no stop text can
 * still claim.
 *
 * <p>The match that is complete first wins, so that a generation stops at the same place however
 * its text is cut into pieces; of two that are complete at the same place, the longer. The text
 * before the match is let through, the match and what follows are not.
 *
 * <p>Each stop text is matched as Knuth, Morris and Pratt do: per character a few comparisons on
 * average, no going back. What is held is the longest end of the text that begins some stop text,
 * hence always shorter than the longest of them.
 *
 * <p>Threading: one thread at a time; one object per stream.
 */
public final class StopStrings {

  /** Most stop texts of one stream. */
  public static final int MAX_STOPS = 64;

  /** Most UTF-16 units of one stop text. */
  public static final int MAX_STOP_LENGTH = 4096;

  private final List<Pattern> patterns = new ArrayList<>();
  private final StringBuilder held = new StringBuilder();
  private Optional<String> matched = Optional.empty();

  /**
   * Starts a stream.
   *
   * @throws IllegalArgumentException if there are too many stop texts, or one is empty, too long or
   *     not valid Unicode
   */
  public StopStrings(List<String> stops) {
    if (stops.size() > MAX_STOPS) {
      throw new IllegalArgumentException(
          "at most " + MAX_STOPS + " stop texts are allowed, found " + stops.size());
    }
    for (String stop : stops) {
      patterns.add(new Pattern(requireUsable(stop)));
    }
  }

  /**
   * Takes the next piece of text.
   *
   * @return the text that is safe to show now; nothing once a stop text was found
   */
  public String append(String text) {
    if (matched.isPresent()) {
      return "";
    }
    for (int i = 0; i < text.length(); i++) {
      held.append(text.charAt(i));
      Optional<String> stop = advance(text.charAt(i));
      if (stop.isPresent()) {
        matched = stop;
        return release(stop.get().length(), true);
      }
    }
    return release(longestBeginning(), false);
  }

  /** Ends the stream: what was held, since nothing can complete it any more. */
  public String flush() {
    return matched.isPresent() ? "" : release(0, true);
  }

  /** The stop text that was found, if one was. */
  public Optional<String> matched() {
    return matched;
  }

  /** Whether a stop text was found, so that the generation is to end. */
  public boolean stopped() {
    return matched.isPresent();
  }

  /** Lets all patterns see {@code c}; the longest stop text that ends with it, if any. */
  private Optional<String> advance(char c) {
    String longest = "";
    for (Pattern pattern : patterns) {
      if (pattern.advance(c) && pattern.text.length() > longest.length()) {
        longest = pattern.text;
      }
    }
    return longest.isEmpty() ? Optional.empty() : Optional.of(longest);
  }

  private int longestBeginning() {
    int longest = 0;
    for (Pattern pattern : patterns) {
      longest = Math.max(longest, pattern.matchedLength);
    }
    return longest;
  }

  private String release(int keepLast, boolean dropKept) {
    int safe = held.length() - keepLast;
    String text = held.substring(0, safe);
    held.delete(0, dropKept ? held.length() : safe);
    return text;
  }

  private static String requireUsable(String stop) {
    if (stop.isEmpty() || stop.length() > MAX_STOP_LENGTH) {
      throw new IllegalArgumentException(
          "a stop text must have 1 to " + MAX_STOP_LENGTH + " characters, found " + stop.length());
    }
    if (Surrogates.indexOfUnpaired(stop, 0) >= 0) {
      throw new IllegalArgumentException("a stop text must not contain unpaired surrogates");
    }
    return stop;
  }

  /** One stop text and how much of it the text so far ends with. */
  private static final class Pattern {

    private final String text;

    /**
     * {@code fallback[n]}: length of the longest proper prefix of the first n+1 characters that is
     * also their end.
     */
    private final int[] fallback;

    private int matchedLength;

    Pattern(String text) {
      this.text = text;
      this.fallback = new int[text.length()];
      for (int i = 1; i < text.length(); i++) {
        fallback[i] = extend(fallback[i - 1], text.charAt(i));
      }
    }

    /** Whether the text now ends with the whole stop text; not to be called again after that. */
    boolean advance(char c) {
      matchedLength = extend(matchedLength, c);
      return matchedLength == text.length();
    }

    private int extend(int length, char c) {
      int at = length;
      while (at > 0 && text.charAt(at) != c) {
        at = fallback[at - 1];
      }
      return text.charAt(at) == c ? at + 1 : 0;
    }
  }
}
