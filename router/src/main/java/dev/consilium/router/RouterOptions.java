package dev.consilium.router;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.router.dispatch.ExpertNode;
import dev.consilium.router.dispatch.NodeDirectory;
import dev.consilium.router.dispatch.RemoteExperts.DispatchTracer;
import dev.consilium.router.scheduling.EngineLimits.StepLimits;
import dev.consilium.router.wire.NodeConnector;
import dev.consilium.serving.Channels;
import dev.consilium.serving.Target;
import java.time.Duration;
import java.util.List;

/**
 * How a router is put together.
 *
 * @param experts where the routed experts are
 * @param threads that compute, at least 1
 * @param wireDtype what hidden states and expert outputs are rounded to
 * @param kvDType what keys and values are kept as
 * @param kvCacheTokens tokens that the KV cache holds, over all sequences
 * @param waitingLimit most requests that may wait
 * @param limits of one step
 */
public record RouterOptions(
    Experts experts,
    int threads,
    RoundTo wireDtype,
    KvCacheDType kvDType,
    int kvCacheTokens,
    int waitingLimit,
    StepLimits limits) {

  public RouterOptions {
    if (threads < 1 || kvCacheTokens < 1 || waitingLimit < 1) {
      throw new IllegalArgumentException(
          "threads is %d, kv-cache-tokens %d, waiting-limit %d: each must be at least 1"
              .formatted(threads, kvCacheTokens, waitingLimit));
    }
  }

  /** A complete engine in this process, with all experts. */
  public static RouterOptions inProcess(int threads) {
    return new RouterOptions(
        new LocalExpertsOnly("local"),
        threads,
        RoundTo.F32,
        KvCacheDType.AUTO,
        32768,
        256,
        new StepLimits(512, 256, 64));
  }

  /** The same, with another KV cache. */
  public RouterOptions withKvDType(KvCacheDType other) {
    return new RouterOptions(
        experts, threads, wireDtype, other, kvCacheTokens, waitingLimit, limits);
  }

  /** The same, with a KV cache of another size. */
  public RouterOptions withKvCacheTokens(int other) {
    return new RouterOptions(experts, threads, wireDtype, kvDType, other, waitingLimit, limits);
  }

  /** The same, with room for more sequences in a step: at least {@code most}. */
  public RouterOptions withRunning(int most) {
    StepLimits more =
        new StepLimits(
            Math.max(limits.batchTokens(), most),
            limits.chunkTokens(),
            Math.max(limits.running(), most));
    return new RouterOptions(
        experts, threads, wireDtype, kvDType, kvCacheTokens, waitingLimit, more);
  }

  /** The same, with other experts. */
  public RouterOptions withExperts(Experts other) {
    return new RouterOptions(
        other, threads, wireDtype, kvDType, kvCacheTokens, waitingLimit, limits);
  }

  /** Where the routed experts are. */
  public sealed interface Experts permits LocalExpertsOnly, ExpertNodes {}

  /**
   * All in this process.
   *
   * @param name who computed, in counts
   */
  public record LocalExpertsOnly(String name) implements Experts {}

  /**
   * All on expert nodes.
   *
   * @param targets where those are
   * @param channels opens connections to them
   * @param tracer traces calls to them
   * @param timeout wait for an answer
   * @param refresh time between two looks at what they hold
   * @param wireDtype of hidden states and outputs on the wire
   */
  public record ExpertNodes(
      List<Target> targets,
      Channels channels,
      DispatchTracer tracer,
      Duration timeout,
      Duration refresh,
      RoundTo wireDtype)
      implements Experts {
    private static final Duration LONGEST_TIMEOUT = Duration.ofHours(1);

    public ExpertNodes {
      targets = List.copyOf(targets);
      inRange("dispatch-timeout", timeout, LONGEST_TIMEOUT);
      inRange("node-refresh", refresh, LONGEST_TIMEOUT);
    }

    private static void inRange(String name, Duration value, Duration most) {
      if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(most) > 0) {
        throw new IllegalArgumentException(
            "%s is %s: must be 1 ms to %s".formatted(name, value, most));
      }
    }

    NodeDirectory directory(Checkpoint checkpoint, StepLimits limits) {
      int expertWidth = checkpoint.spec().expertWidth();
      NodeConnector connector = new NodeConnector(channels, expertWidth, wireDtype, timeout);
      NodeDirectory directory =
          new NodeDirectory(
              targets,
              connector::connect,
              new NodeDirectory.Expectations(
                  checkpoint.fingerprint(),
                  expertWidth,
                  limits.batchTokens(),
                  checkpoint.spec().expertCounts()),
              timeout.compareTo(ExpertNode.DESCRIBE_TIMEOUT) < 0
                  ? timeout
                  : ExpertNode.DESCRIBE_TIMEOUT);
      directory.watch(refresh);
      return directory;
    }
  }
}
