package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.Fault.Kind;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Optional;

/** Faults to gRPC statuses and back. */
final class Faults {
  private static final int MESSAGE_LIMIT = 1000;

  private Faults() {}

  /** What a router's status means for the request. */
  static Fault ofRouter(Status status) {
    String said = brief(Optional.ofNullable(status.getDescription()).orElse("no description"));
    return switch (status.getCode()) {
      case INVALID_ARGUMENT, OUT_OF_RANGE -> Fault.of(Kind.INVALID, "invalid_request", said);
      case RESOURCE_EXHAUSTED -> Fault.of(Kind.OVERLOADED, "overloaded", said);
      case UNAVAILABLE, ABORTED -> Fault.of(Kind.UNAVAILABLE, "router_unavailable", said);
      case DEADLINE_EXCEEDED ->
          Fault.of(Kind.TIMED_OUT, "timeout", "the request took longer than allowed: " + said);
      case CANCELLED ->
          Fault.of(Kind.UNAVAILABLE, "router_unavailable", "the router gave up: " + said);
      case OK,
          UNKNOWN,
          NOT_FOUND,
          ALREADY_EXISTS,
          PERMISSION_DENIED,
          FAILED_PRECONDITION,
          UNIMPLEMENTED,
          INTERNAL,
          DATA_LOSS,
          UNAUTHENTICATED ->
          Fault.of(
              Kind.INTERNAL,
              "router_failed",
              "the router failed with %s: %s".formatted(status.getCode(), said));
    };
  }

  /** What a caller of the public service is told. */
  static Status status(Fault fault) {
    Status status =
        switch (fault.kind()) {
          case INVALID -> Status.INVALID_ARGUMENT;
          case NOT_FOUND -> Status.NOT_FOUND;
          case OVERLOADED -> Status.RESOURCE_EXHAUSTED;
          case UNAVAILABLE -> Status.UNAVAILABLE;
          case TIMED_OUT -> Status.DEADLINE_EXCEEDED;
          case CANCELLED -> Status.CANCELLED;
          case INTERNAL -> Status.INTERNAL;
        };
    return status.withDescription(fault.message());
  }

  static StatusRuntimeException stopping() {
    return status(Fault.stopping()).asRuntimeException();
  }

  private static String brief(String text) {
    return text.length() <= MESSAGE_LIMIT ? text : text.substring(0, MESSAGE_LIMIT) + "...";
  }
}
