package dev.consilium.model.chat.jinja;

/** A template cannot be read, or cannot be rendered with the values it was given. */
public final class TemplateException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** Whose fault it is, which is also who can mend it. */
  public enum Kind {
    /** The template's source is not Jinja, or uses what we do not support. */
    SYNTAX,
    /** The template does not fit the values: something is undefined or of the wrong type. */
    EVALUATION,
    /** A bound of {@link Limits} was reached. */
    LIMIT,
    /**
     * The template called {@code raise_exception}: it refuses the conversation, the message says
     * why.
     */
    RAISED
  }

  private final Kind kind;
  private final int line;
  private final String problem;

  TemplateException(Kind kind, int line, String problem) {
    super("line " + line + " of the template: " + problem);
    this.kind = kind;
    this.line = line;
    this.problem = problem;
  }

  static TemplateException syntax(int line, String problem) {
    return new TemplateException(Kind.SYNTAX, line, problem);
  }

  static TemplateException limit(int line, String problem) {
    return new TemplateException(Kind.LIMIT, line, problem);
  }

  /** What kind of problem it is. */
  public Kind kind() {
    return kind;
  }

  /** The template's line, from 1. */
  public int line() {
    return line;
  }

  /** The message without the line; for {@link Kind#RAISED} exactly what the template said. */
  public String problem() {
    return problem;
  }
}
