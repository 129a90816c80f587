package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.openai.ErrorFormat;
import java.util.Optional;

/**
 * A fault as an HTTP answer.
 *
 * @param type OpenAI's word for whose fault it is
 */
record ErrorReply(int status, String type, Fault fault) {
  private static final String INVALID = "invalid_request_error";

  static ErrorReply of(Fault fault) {
    return switch (fault.kind()) {
      case INVALID -> new ErrorReply(400, INVALID, fault);
      case NOT_FOUND -> new ErrorReply(404, INVALID, fault);
      case OVERLOADED -> new ErrorReply(429, "rate_limit_error", fault);
      case UNAVAILABLE -> new ErrorReply(503, "server_error", fault);
      case TIMED_OUT -> new ErrorReply(504, "server_error", fault);
      // Nobody reads it: the status that proxies log for a client that left.
      case CANCELLED -> new ErrorReply(499, INVALID, fault);
      case INTERNAL -> new ErrorReply(500, "server_error", fault);
    };
  }

  /** A fault of the HTTP request itself. */
  static ErrorReply http(int status, String code, String message) {
    return new ErrorReply(
        status, INVALID, new Fault(Fault.Kind.INVALID, code, message, Optional.empty()));
  }

  byte[] body() {
    return ErrorFormat.body(type, fault);
  }
}
