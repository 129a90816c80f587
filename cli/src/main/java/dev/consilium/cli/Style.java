package dev.consilium.cli;

import java.util.Locale;

/** Emphasis on terminals; plain text anywhere else, and where NO_COLOR is set. */
public enum Style {
  PLAIN,
  TERMINAL;

  /**
   * What fits standard output. The launcher knows whether that is a terminal; the JVM cannot tell
   * it from the input.
   */
  public static Style ofOutput() {
    return of("consilium.terminal");
  }

  /** What fits standard error. */
  public static Style ofErrors() {
    return of("consilium.terminal.errors");
  }

  private static Style of(String property) {
    boolean terminal = Boolean.getBoolean(property);
    boolean unwanted = !System.getenv().getOrDefault("NO_COLOR", "").isEmpty();
    boolean dumb =
        System.getenv().getOrDefault("TERM", "dumb").toLowerCase(Locale.ROOT).equals("dumb");
    return terminal && !unwanted && !dumb ? TERMINAL : PLAIN;
  }

  public String bold(String text) {
    return code("1", text);
  }

  public String faint(String text) {
    return code("2", text);
  }

  public String accent(String text) {
    return code("36", text);
  }

  private String code(String code, String text) {
    return this == PLAIN ? text : "\u001b[" + code + "m" + text + "\u001b[0m";
  }
}
