package dev.consilium.gateway.http;

import java.util.Optional;

/** What answers at one path. */
sealed interface Endpoint {

  /** Answers GET at once; never blocks. */
  record Read(Answer answer) implements Endpoint {}

  /** Answers POST with a generation. */
  record Generate(GenerationEndpoint endpoint) implements Endpoint {}

  /** Answers a GET. */
  @FunctionalInterface
  interface Answer {
    void to(Exchange exchange);
  }

  default String method() {
    return switch (this) {
      case Read _ -> "GET";
      case Generate _ -> "POST";
    };
  }

  /** Finds endpoints. */
  @FunctionalInterface
  interface Table {
    Optional<Endpoint> at(String path);
  }
}
