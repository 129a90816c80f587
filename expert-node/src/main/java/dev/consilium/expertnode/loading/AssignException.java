package dev.consilium.expertnode.loading;

import io.grpc.Status;

/** A change of what is held that was not made; everything is as before. */
public final class AssignException extends Exception {

  private static final long serialVersionUID = 1L;

  private final Status.Code code;

  AssignException(Status.Code code, String message) {
    super(message);
    this.code = code;
  }

  AssignException(Status.Code code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  public Status.Code code() {
    return code;
  }
}
