package dev.consilium.serving;

import java.time.Duration;
import java.util.SortedMap;
import java.util.concurrent.CompletionStage;

/** A process that has bound its ports. Called by {@link Lifecycle}. */
public interface RunningProcess {

  /** The bound ports by what they serve: {@code "grpc"}, {@code "metrics"}. */
  SortedMap<String, Integer> ports();

  /** Completes when the process would serve a request; fails if it never will. */
  CompletionStage<Void> ready();

  /** Reports not ready, takes nothing new, and waits at most this long for what is in progress. */
  void drain(Duration limit);

  /** Ends everything that still runs. Called once, after {@link #drain}. */
  void stop();
}
