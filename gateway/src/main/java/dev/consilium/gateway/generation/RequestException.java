package dev.consilium.gateway.generation;

import org.jspecify.annotations.Nullable;

/**
 * A request ends here, for the reason given. Without a stack trace, since most are answers to
 * clients rather than defects; a defect keeps its own as the cause.
 */
public final class RequestException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final transient Fault fault;

  RequestException(Fault fault, @Nullable Throwable cause) {
    super(fault.message(), cause, false, false);
    this.fault = fault;
  }

  public Fault fault() {
    return fault;
  }
}
