package dev.consilium.expertnode.wire;

import dev.consilium.expertnode.execution.Refusal;
import io.grpc.Status;

/** Carries a refusal out of the checks. Without a stack trace: it is an answer, not a defect. */
final class RefusedException extends Exception {

  private static final long serialVersionUID = 1L;

  private final transient Refusal refusal;

  RefusedException(Status.Code code, String message) {
    super(message, null, false, false);
    this.refusal = new Refusal(code, message);
  }

  Refusal refusal() {
    return refusal;
  }
}
