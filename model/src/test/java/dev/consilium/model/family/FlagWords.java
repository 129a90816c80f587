package dev.consilium.model.family;

/** When a yes or no of a configuration is a yes. */
final class FlagWords {

  private FlagWords() {}

  /** To put behind what it decides about; empty: always. */
  static String condition(Flag flag) {
    if (flag.equals(Flag.NEVER)) {
      throw new IllegalArgumentException("nothing is to be said of what never is");
    }
    if (flag.field().isEmpty()) {
      return "";
    }
    return flag.absent()
        ? " unless `%s` is false".formatted(flag.field())
        : " if `%s`".formatted(flag.field());
  }
}
