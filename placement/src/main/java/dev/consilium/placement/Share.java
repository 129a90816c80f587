package dev.consilium.placement;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The part of all experts that one of several nodes takes: {@code "0/2"} is the first of two
 * halves.
 *
 * @param index which part, {@code 0 <= index < of}
 * @param of how many parts there are, at least 1
 */
public record Share(int index, int of) {

  /** Everything. */
  public static final Share WHOLE = new Share(0, 1);

  private static final Pattern FORM = Pattern.compile("(\\d{1,6})/(\\d{1,6})");

  public Share {
    if (of < 1 || index < 0 || index >= of) {
      throw new IllegalArgumentException(
          "share is %d/%d, expected index/count with 0 <= index < count".formatted(index, of));
    }
  }

  /** Reads {@code "0/2"}. */
  public static Share parse(CharSequence text) {
    Matcher form = FORM.matcher(text.toString().strip());
    if (!form.matches()) {
      throw new IllegalArgumentException(
          "share is \"" + text + "\", expected index/count, such as 0/2 for the first of two");
    }
    return new Share(Integer.parseInt(form.group(1)), Integer.parseInt(form.group(2)));
  }

  @Override
  public String toString() {
    return index + "/" + of;
  }
}
