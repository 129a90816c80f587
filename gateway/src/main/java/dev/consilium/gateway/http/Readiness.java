package dev.consilium.gateway.http;

import java.util.Map;
import java.util.Optional;

/**
 * Whether a request would be served now.
 *
 * @param reason why not; empty if ready
 * @param obstacles by router address why it cannot serve, empty for those that can
 */
public record Readiness(boolean ready, String reason, Map<String, Optional<String>> obstacles) {

  public static Readiness of(boolean stopping, Map<String, Optional<String>> obstacles) {
    if (stopping) {
      return new Readiness(false, "the gateway is stopping", obstacles);
    }
    if (obstacles.values().stream().anyMatch(Optional::isEmpty)) {
      return new Readiness(true, "", obstacles);
    }
    String reason =
        obstacles.isEmpty()
            ? "no router is known"
            : "none of %d routers can serve".formatted(obstacles.size());
    return new Readiness(false, reason, obstacles);
  }
}
