package dev.consilium.serving;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An amount of memory in a configuration: {@code "67108864"}, {@code "64MiB"}, {@code "8 GiB"},
 * {@code "8G"} (K, M, G and T are powers of 1024 with or without {@code iB}).
 *
 * @param bytes at least 0
 */
public record ByteSize(long bytes) {

  private static final Pattern FORM = Pattern.compile("(\\d{1,18})\\s*(?:([KMGT])(?:IB)?|B)?");
  private static final String UNITS = "KMGT";

  public ByteSize {
    if (bytes < 0) {
      throw new IllegalArgumentException("size is " + bytes + " bytes, expected at least 0");
    }
  }

  /** Reads a size; the configuration library finds this method by its name. */
  public static ByteSize of(String text) {
    Matcher form = FORM.matcher(text.strip().toUpperCase(Locale.ROOT));
    if (!form.matches()) {
      throw malformed(text);
    }
    long unit = form.group(2) == null ? 1 : 1L << (10 * (UNITS.indexOf(form.group(2)) + 1));
    try {
      return new ByteSize(Math.multiplyExact(Long.parseLong(form.group(1)), unit));
    } catch (ArithmeticException tooLarge) {
      throw malformed(text);
    }
  }

  private static IllegalArgumentException malformed(String text) {
    return new IllegalArgumentException(
        "size is \"" + text + "\", expected bytes or a number with unit, such as 512MiB or 8GiB");
  }
}
