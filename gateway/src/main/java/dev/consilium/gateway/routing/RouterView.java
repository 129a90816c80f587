package dev.consilium.gateway.routing;

import dev.consilium.serving.Target;
import java.util.Optional;

/**
 * One router as this gateway sees it now.
 *
 * @param address host and port
 * @param report what the last poll brought
 * @param ownAtReport sequences of this gateway on it when it reported
 * @param ownNow sequences of this gateway on it now
 * @param lastChosen rises with each choice; breaks ties in favour of the one not chosen longest
 */
record RouterView(Target address, Report report, int ownAtReport, int ownNow, long lastChosen) {

  /** What is known of a router. */
  sealed interface Report {
    /** It answered. */
    record Answered(RouterStatus status) implements Report {}

    /** It did not, or not yet, or a call to it failed since. */
    record Unreachable(String reason) implements Report {}
  }

  /** Why a sequence cannot go there; empty if it can. */
  Optional<String> obstacle(String modelFingerprint) {
    return switch (report) {
      case Report.Unreachable(String reason) -> Optional.of(reason);
      case Report.Answered(RouterStatus status) -> obstacle(status, modelFingerprint);
    };
  }

  private static Optional<String> obstacle(RouterStatus status, String modelFingerprint) {
    if (!status.modelFingerprint().equals(modelFingerprint)) {
      return Optional.of(
          "runs another model (fingerprint %s; this gateway has %s)"
              .formatted(status.modelFingerprint(), modelFingerprint));
    }
    if (status.draining()) {
      return Optional.of("drains");
    }
    return status.ready() ? Optional.empty() : Optional.of("not ready: " + status.notReadyReason());
  }

  /** Sequences on it: its own count, brought up to date by what this gateway did since. */
  int load() {
    return switch (report) {
      case Report.Unreachable(String reason) -> ownNow;
      case Report.Answered(RouterStatus status) ->
          Math.max(ownNow, status.load() - ownAtReport + ownNow);
    };
  }

  /** Longest sequence it can hold, in tokens. */
  int contextLength() {
    return report instanceof Report.Answered(RouterStatus status) ? status.contextLength() : 0;
  }

  double freeCache() {
    return report instanceof Report.Answered(RouterStatus status) ? status.freeCache() : 0;
  }
}
