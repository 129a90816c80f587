package dev.consilium.cli.cluster;

import dev.consilium.router.KvCacheDType;
import dev.consilium.tensor.Processors;
import java.nio.file.Path;
import java.time.Duration;

/**
 * What to start.
 *
 * @param model directory of the model
 * @param nodes expert nodes, at least 1; each holds its share of the experts
 * @param routers at least 1
 * @param threads computing threads of each process; 0: the cores, divided among the expert nodes
 * @param kvDType what routers keep keys and values as
 * @param door where the gateway listens
 * @param limits how long to wait
 */
public record ClusterPlan(
    Path model,
    int nodes,
    int routers,
    int threads,
    KvCacheDType kvDType,
    Door door,
    Limits limits) {

  private static final int MOST_PROCESSES = 64;

  public ClusterPlan {
    requireIn("--nodes", nodes, 1, MOST_PROCESSES);
    requireIn("--routers", routers, 1, MOST_PROCESSES);
    requireIn("--threads", threads, 0, 4096);
  }

  /** Two expert nodes and a router on any free ports. */
  public static ClusterPlan demo(Path model) {
    return new ClusterPlan(model, 2, 1, 0, KvCacheDType.AUTO, Door.anywhere(), Limits.usual());
  }

  /** The same, with another KV cache. */
  public ClusterPlan withKvDType(KvCacheDType other) {
    return new ClusterPlan(model, nodes, routers, threads, other, door, limits);
  }

  /** The demo's, whose processes take their time to end: each writes a cache. */
  public static ClusterPlan training(Path model) {
    return new ClusterPlan(
        model,
        2,
        1,
        0,
        KvCacheDType.AUTO,
        Door.anywhere(),
        new Limits(Duration.ofMinutes(2), Duration.ofMinutes(2)));
  }

  /** Expert nodes alone. */
  public static ClusterPlan nodesOnly(Path model, int nodes) {
    return new ClusterPlan(model, nodes, 1, 0, KvCacheDType.AUTO, Door.anywhere(), Limits.usual());
  }

  /**
   * Where the gateway listens.
   *
   * @param port HTTP; 0: any free one
   * @param grpcPort 0: any free one
   */
  public record Door(String host, int port, int grpcPort) {
    public Door {
      requireIn("--port", port, 0, 65535);
      requireIn("--grpc-port", grpcPort, 0, 65535);
    }

    static Door anywhere() {
      return new Door("127.0.0.1", 0, 0);
    }
  }

  /**
   * Bounds on waiting.
   *
   * @param start from the start of the processes until the gateway would serve
   * @param stop of one process, until its end is forced
   */
  public record Limits(Duration start, Duration stop) {

    /** Enough for a large model from a slow disk. */
    static Limits usual() {
      return new Limits(Duration.ofMinutes(10), Duration.ofSeconds(15));
    }
  }

  int nodeThreads() {
    return threads > 0 ? threads : Math.max(1, Processors.cores() / nodes);
  }

  int routerThreads() {
    return threads > 0 ? threads : Math.max(1, Processors.cores() / routers);
  }

  private static void requireIn(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw new ClusterException(
          "%s is %d, expected %d to %d".formatted(option, value, least, most));
    }
  }
}
