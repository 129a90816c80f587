package dev.consilium.model.chat.jinja;

/**
 * What a template may take. The defaults are far above what published chat templates need for
 * conversations that fit a model.
 *
 * @param maxTemplateChars most UTF-16 units of template source
 * @param maxNesting deepest nesting of tags, brackets and operators in the source
 * @param maxSteps most evaluation steps of one rendering; going through {@value #CHARS_PER_STEP}
 *     characters counts as one
 * @param maxOutputChars most UTF-16 units of the rendered text, and of any one text on the way to
 *     it
 * @param maxAllocatedChars most UTF-16 units of all texts made on the way; a list's or dict's
 *     element counts as {@value #CHARS_PER_ELEMENT}
 * @param maxDepth deepest nesting of evaluation, through macro calls too; also of values that are
 *     compared, printed or taken in
 * @param maxCalls most macro calls that wait for one another
 * @param maxRange most numbers of one {@code range()}
 */
public record Limits(
    int maxTemplateChars,
    int maxNesting,
    long maxSteps,
    int maxOutputChars,
    long maxAllocatedChars,
    int maxDepth,
    int maxCalls,
    int maxRange) {

  /** The bounds that fit serving. */
  public static final Limits DEFAULT =
      new Limits(1 << 20, 100, 20_000_000L, 16 << 20, 128L << 20, 600, 100, 100_000);

  static final int CHARS_PER_STEP = 64;
  static final int CHARS_PER_ELEMENT = 16;

  /** Checks that every bound is positive. */
  public Limits {
    requirePositive("maxTemplateChars", maxTemplateChars);
    requirePositive("maxNesting", maxNesting);
    requirePositive("maxSteps", maxSteps);
    requirePositive("maxOutputChars", maxOutputChars);
    requirePositive("maxAllocatedChars", maxAllocatedChars);
    requirePositive("maxDepth", maxDepth);
    requirePositive("maxCalls", maxCalls);
    requirePositive("maxRange", maxRange);
  }

  private static void requirePositive(String name, long value) {
    if (value <= 0) {
      throw new IllegalArgumentException(name + " must be positive, was " + value);
    }
  }
}
