package dev.consilium.gateway.generation;

import java.util.Optional;

/**
 * Why a request was not served, in words that every door translates into its own.
 *
 * @param kind who has to act
 * @param code short and stable, for programs, for example {@code context_length_exceeded}
 * @param message for people: what, where, what to do
 * @param parameter the path of the parameter at fault, for example {@code messages[2].content}
 */
public record Fault(Kind kind, String code, String message, Optional<String> parameter) {

  /** Who has to act. */
  public enum Kind {
    /** The caller: the same request fails again. */
    INVALID,
    /** The caller: what was named does not exist. */
    NOT_FOUND,
    /** Nobody: less load, or later, and it works. */
    OVERLOADED,
    /** The operator: no router can serve now. */
    UNAVAILABLE,
    /** It took longer than allowed. */
    TIMED_OUT,
    /** Nobody: the client is gone. */
    CANCELLED,
    /** The developers. */
    INTERNAL
  }

  /** A parameter with a wrong value. */
  public static Fault invalid(String parameter, String code, String message) {
    return new Fault(Kind.INVALID, code, message, Optional.of(parameter));
  }

  /** A fault that no single parameter has. */
  public static Fault of(Kind kind, String code, String message) {
    return new Fault(kind, code, message, Optional.empty());
  }

  /** What requests are told that are still there when the process ends. */
  public static Fault stopping() {
    return of(Kind.UNAVAILABLE, "stopping", "the gateway is stopping: send the request again");
  }

  /** This fault, to be thrown. */
  public RequestException exception() {
    return new RequestException(this, null);
  }

  /** This fault, to be thrown, with what led to it. */
  public RequestException exception(Throwable cause) {
    return new RequestException(this, cause);
  }
}
