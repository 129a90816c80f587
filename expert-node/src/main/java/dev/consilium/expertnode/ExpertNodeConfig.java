package dev.consilium.expertnode;

import dev.consilium.placement.Share;
import dev.consilium.serving.ConfigException;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.tensor.Processors;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * A checked configuration of an expert node.
 *
 * @param model directory of the checkpoint
 * @param identity name and address
 * @param share the part of all experts to load at start; empty: none
 * @param device threads and memory
 * @param limits of queue, streams and dispatches
 * @param grpc limits of the server
 */
public record ExpertNodeConfig(
    Path model,
    Identity identity,
    Optional<Share> share,
    Device device,
    Limits limits,
    GrpcLimits grpc) {

  /**
   * Who the node is.
   *
   * @param name unique in the cluster; empty: host name and bound port
   * @param host to listen on
   * @param port to listen on; 0: a free one
   * @param epoch placement epoch before the first load
   */
  public record Identity(Optional<String> name, String host, int port, long epoch) {
    public Identity {
      require(port >= 0 && port <= 65535, "consilium.node.port", port, "0 to 65535");
      require(epoch >= 1, "consilium.node.epoch", epoch, "at least 1");
      name.ifPresent(given ->
          require(!given.isBlank(), "consilium.node.name", "\"\"", "a name, or leave it unset"));
    }
  }

  /**
   * What computes.
   *
   * @param threads at least 1
   * @param memoryBudgetBytes most memory for weights
   */
  public record Device(int threads, long memoryBudgetBytes) {
    public Device {
      require(threads >= 1 && threads <= 4096, "consilium.node.threads", threads, "1 to 4096");
    }
  }

  /** See {@link NodeSettings}. */
  public record Limits(
      int queueLimit,
      long queueBytes,
      long streamBytes,
      int tokensPerDispatch,
      int gatheredAssignments,
      Duration dispatchTimeout,
      Duration drainTimeout) {

    /** The defaults of {@link NodeSettings}. */
    public static final Limits DEFAULT =
        new Limits(
            4096,
            512L << 20,
            128L << 20,
            4096,
            16384,
            Duration.ofSeconds(30),
            Duration.ofSeconds(20));

    public Limits {
      require(queueLimit >= 1, "consilium.node.queue-limit", queueLimit, "at least 1");
      require(queueBytes >= 1, "consilium.node.queue-memory", queueBytes, "at least 1");
      require(streamBytes >= 1, "consilium.node.stream-memory", streamBytes, "at least 1");
      require(
          tokensPerDispatch >= 1 && tokensPerDispatch <= 1 << 20,
          "consilium.node.max-tokens-per-dispatch",
          tokensPerDispatch,
          "1 to 1048576");
      require(
          gatheredAssignments >= 1 && gatheredAssignments <= 1 << 24,
          "consilium.node.max-gathered-assignments",
          gatheredAssignments,
          "1 to 16777216");
      require(
          dispatchTimeout.isPositive(),
          "consilium.node.dispatch-timeout",
          dispatchTimeout,
          "above 0");
    }
  }

  /** A node on a free loopback port with default limits: for tests, and for trying out. */
  public static ExpertNodeConfig onLoopback(Path model, Optional<Share> share, int threads) {
    return new ExpertNodeConfig(
        model,
        new Identity(Optional.empty(), "127.0.0.1", 0, 1),
        share,
        new Device(threads, defaultBudgetBytes()),
        Limits.DEFAULT,
        GrpcLimits.DEFAULT);
  }

  /**
   * Checks settings.
   *
   * @param clockMillis the epoch of a node that is given none
   * @throws ConfigException naming the key that is bad
   */
  static ExpertNodeConfig of(
      NodeSettings node, Path model, GrpcLimits grpc, Duration drainTimeout, long clockMillis) {
    return new ExpertNodeConfig(
        model,
        new Identity(node.name(), node.host(), node.port(), node.epoch().orElse(clockMillis)),
        share(node.share()),
        new Device(
            node.threads().orElseGet(Processors::cores),
            node.memoryBudget().map(size -> size.bytes()).orElseGet(() -> defaultBudgetBytes())),
        new Limits(
            node.queueLimit(),
            node.queueMemory().bytes(),
            node.streamMemory().bytes(),
            node.maxTokensPerDispatch(),
            node.maxGatheredAssignments(),
            node.dispatchTimeout(),
            drainTimeout),
        grpc);
  }

  private static Optional<Share> share(String text) {
    if (text.strip().equals("none")) {
      return Optional.empty();
    }
    try {
      return Optional.of(Share.parse(text));
    } catch (IllegalArgumentException malformed) {
      throw new ConfigException(
          "consilium.node.share: %s, or none".formatted(malformed.getMessage()));
    }
  }

  private static long defaultBudgetBytes() {
    var system =
        ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class);
    return system.getTotalMemorySize() / 4 * 3;
  }

  private static void require(boolean good, String key, Object found, String expected) {
    if (!good) {
      throw new ConfigException("%s is %s, expected %s".formatted(key, found, expected));
    }
  }
}
