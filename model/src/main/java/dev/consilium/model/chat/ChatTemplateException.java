package dev.consilium.model.chat;

import dev.consilium.model.chat.jinja.TemplateException;

/**
 * A chat template cannot be read, or does not render a conversation. The message names the
 * template's line and what to do.
 */
public final class ChatTemplateException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** Who can mend it. */
  public enum Reason {
    /**
     * The template refuses the conversation by {@code raise_exception}: {@link #problem()} is its
     * message for the client.
     */
    REFUSED,
    /** The template has a mistake, or uses what we do not support. */
    TEMPLATE,
    /** Template and conversation do not fit: something is missing or of the wrong type. */
    MISMATCH,
    /** A bound on work, output or nesting was reached. */
    LIMIT
  }

  private final Reason reason;
  private final int line;
  private final String problem;

  ChatTemplateException(String source, TemplateException cause) {
    super(source + ", " + cause.getMessage(), cause);
    this.reason = reason(cause.kind());
    this.line = cause.line();
    this.problem = cause.problem();
  }

  private static Reason reason(TemplateException.Kind kind) {
    return switch (kind) {
      case RAISED -> Reason.REFUSED;
      case SYNTAX -> Reason.TEMPLATE;
      case EVALUATION -> Reason.MISMATCH;
      case LIMIT -> Reason.LIMIT;
    };
  }

  /** Who can mend it. */
  public Reason reason() {
    return reason;
  }

  /** The template's line, from 1. */
  public int line() {
    return line;
  }

  /** What is wrong, without file and line. */
  public String problem() {
    return problem;
  }
}
