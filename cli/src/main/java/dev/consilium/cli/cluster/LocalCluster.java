package dev.consilium.cli.cluster;

import dev.consilium.proto.expert.v1.ExpertServiceGrpc;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;

/**
 * Gateway, routers and expert nodes on this machine, each a process of its own.
 *
 * <ol>
 *   <li>Choose free ports; all processes are told all addresses they need, so all can start at the
 *       same time.
 *   <li>Wait until the gateway would serve, which it says once a router does, which says so once
 *       all experts are held.
 *   <li>A process that ends meanwhile ends the start, with the last lines of its log; if another
 *       program took its port in between, the cluster starts again with other ports.
 *   <li>Stop in reverse order, each kind after those that call it: what is in progress is answered.
 * </ol>
 */
public final class LocalCluster implements AutoCloseable {

  private static final int ATTEMPTS = 3;
  private static final Duration PROBE_INTERVAL = Duration.ofMillis(50);

  private final ClusterPlan plan;
  private final Path directory;
  private final Commands.Door door;
  private final List<Commands.Place> nodes;
  private final List<Commands.Place> routers;
  // From the first to start to the last; closed in reverse.
  private final List<List<Child>> tiers = new ArrayList<>();
  private final Thread hook = new Thread(this::close, "stop-cluster");
  private boolean closed;

  private LocalCluster(ClusterPlan plan, Path directory) {
    this.plan = plan;
    this.directory = directory;
    List<Integer> ports = FreePorts.find(plan.nodes() + plan.routers() + 2);
    this.nodes = places(ports.subList(0, plan.nodes()));
    this.routers = places(ports.subList(plan.nodes(), plan.nodes() + plan.routers()));
    this.door =
        new Commands.Door(
            plan.door().host(),
            plan.door().port() > 0 ? plan.door().port() : ports.get(ports.size() - 2),
            plan.door().grpcPort() > 0 ? plan.door().grpcPort() : ports.getLast());
  }

  /**
   * Starts everything and waits until it would serve.
   *
   * @param logs where log files go; made if it is not there
   * @throws ClusterException if it cannot be started; nothing is left running
   */
  public static LocalCluster start(
      ClusterPlan plan, Installation installation, ClassCaches caches, Path logs) {
    requireFree(plan.door());
    Commands commands = new Commands(installation, caches, plan);
    return retrying(plan, logs, cluster -> cluster.startAll(commands));
  }

  /** Starts only the expert nodes of a plan and waits until they would serve. */
  public static LocalCluster startNodes(
      ClusterPlan plan, Installation installation, ClassCaches caches, Path logs) {
    Commands commands = new Commands(installation, caches, plan);
    return retrying(plan, logs, cluster -> cluster.startNodesOnly(commands));
  }

  /** A new directory for the logs of one run, below the system's temporary directory. */
  public static Path temporaryLogs() {
    try {
      return Files.createTempDirectory("consilium-");
    } catch (IOException failed) {
      throw new ClusterException(
          "cannot make a directory for logs: " + failed.getMessage(), failed);
    }
  }

  private interface Starter {
    void start(LocalCluster cluster) throws InterruptedException;
  }

  /** A port that was free a moment before is not. */
  private static final class PortTaken extends ClusterException {
    private static final long serialVersionUID = 1L;

    PortTaken(String message) {
      super(message);
    }
  }

  private static LocalCluster retrying(ClusterPlan plan, Path logs, Starter starter) {
    for (int attempt = 1; ; attempt++) {
      LocalCluster cluster = new LocalCluster(plan, madeDirectory(logs));
      Runtime.getRuntime().addShutdownHook(cluster.hook);
      try {
        starter.start(cluster);
        return cluster;
      } catch (PortTaken taken) {
        cluster.close();
        if (attempt == ATTEMPTS) {
          throw taken;
        }
      } catch (InterruptedException interrupted) {
        cluster.close();
        Thread.currentThread().interrupt();
        throw new ClusterException("interrupted while the cluster started", interrupted);
      } catch (RuntimeException failed) {
        cluster.close();
        throw failed;
      }
    }
  }

  private void startAll(Commands commands) throws InterruptedException {
    launchNodes(commands);
    launch(
        routers.stream()
            .map(place ->
                new Launch(Commands.routerName(place.index()), commands.router(place, nodes)))
            .toList());
    launch(List.of(new Launch("gateway", commands.gateway(door, routers))));
    try (HealthProbe probe = HealthProbe.http(gateway().resolve("/health/ready"))) {
      awaitReady("gateway", probe);
    }
  }

  private void startNodesOnly(Commands commands) throws InterruptedException {
    launchNodes(commands);
    for (Commands.Place node : nodes) {
      try (HealthProbe probe = HealthProbe.grpc(ExpertServiceGrpc.SERVICE_NAME, node.port())) {
        awaitReady(Commands.nodeName(node.index()), probe);
      }
    }
  }

  private void launchNodes(Commands commands) {
    launch(
        nodes.stream()
            .map(place -> new Launch(Commands.nodeName(place.index()), commands.expertNode(place)))
            .toList());
  }

  private record Launch(String name, List<String> command) {}

  private synchronized void launch(List<Launch> tier) {
    if (closed) {
      throw new ClusterException("the cluster was stopped while it started");
    }
    List<Child> children = new ArrayList<>();
    tiers.add(children);
    for (Launch each : tier) {
      children.add(Child.start(each.name(), each.command(), directory));
    }
  }

  private void awaitReady(String name, HealthProbe probe) throws InterruptedException {
    long end = System.nanoTime() + plan.limits().start().toNanos();
    Optional<String> reason = probe.notReady();
    while (reason.isPresent()) {
      failed().ifPresent(LocalCluster::report);
      if (System.nanoTime() - end > 0) {
        throw new ClusterException(
            "the cluster was not ready after %d s: %s: %s; the logs are in %s"
                .formatted(plan.limits().start().toSeconds(), name, reason.get(), directory));
      }
      Thread.sleep(PROBE_INTERVAL);
      reason = probe.notReady();
    }
  }

  private synchronized Optional<Child> failed() {
    return tiers.stream().flatMap(List::stream).filter(child -> !child.alive()).findFirst();
  }

  private static void report(Child child) {
    String message =
        "%s ended with status %d: %s (its log: %s)"
            .formatted(child.name(), child.process().exitValue(), child.lastWords(), child.log());
    throw child.portTaken() ? new PortTaken(message) : new ClusterException(message);
  }

  /**
   * Waits until a process of the cluster ends, which none should.
   *
   * @return which, and its last words
   */
  public String awaitFailure() throws InterruptedException {
    CompletableFuture<?>[] ends;
    synchronized (this) {
      ends =
          tiers.stream()
              .flatMap(List::stream)
              .map(child -> child.process().onExit())
              .toArray(CompletableFuture<?>[]::new);
    }
    try {
      CompletableFuture.anyOf(ends).get();
    } catch (ExecutionException impossible) {
      throw new IllegalStateException("waiting for the end of a process failed", impossible);
    }
    return failed()
        .map(child ->
            child.name() + " ended: " + child.lastWords() + " (its log: " + child.log() + ")")
        .orElse("the cluster ended");
  }

  /** Where the gateway's HTTP API is. */
  public URI gateway() {
    return URI.create("http://" + reachable(door.host()) + ":" + door.port());
  }

  /** Port of the public gRPC service, on the gateway's host. */
  public int gatewayGrpcPort() {
    return door.grpcPort();
  }

  /** Addresses of the routers, {@code host:port}. */
  public List<String> routers() {
    return routers.stream().map(Commands.Place::address).toList();
  }

  /** Addresses of the expert nodes, {@code host:port}. */
  public List<String> nodes() {
    return nodes.stream().map(Commands.Place::address).toList();
  }

  /** Where the log files are, one for each process. */
  public Path logs() {
    return directory;
  }

  /** Process ids by name, in order of start. */
  public SequencedMap<String, Long> processes() {
    SequencedMap<String, Long> ids = new LinkedHashMap<>();
    synchronized (this) {
      tiers.stream()
          .flatMap(List::stream)
          .forEach(child -> ids.put(child.name(), child.process().pid()));
    }
    return ids;
  }

  /** Stops all processes and waits for their end. A second call waits for the first. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    boolean interrupted = false;
    for (List<Child> tier : tiers.reversed()) {
      tier.forEach(Child::stop);
      for (Child child : tier) {
        interrupted |= !ended(child);
      }
    }
    forgetHook();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits for one process; false if that was interrupted, in which case its end was forced. */
  private boolean ended(Child child) {
    try {
      child.awaitEnd(plan.limits().stop());
      return true;
    } catch (InterruptedException interrupted) {
      child.process().destroyForcibly();
      return false;
    }
  }

  private void forgetHook() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException alreadyShuttingDown) {
      // We are on the hook, or it waits for us.
      assert closed;
    }
  }

  private static Path madeDirectory(Path directory) {
    try {
      return Files.createDirectories(directory).toAbsolutePath();
    } catch (IOException failed) {
      throw new ClusterException(
          "cannot make the directory for logs " + directory + ": " + failed.getMessage(), failed);
    }
  }

  private static List<Commands.Place> places(List<Integer> ports) {
    return IntStream.range(0, ports.size())
        .mapToObj(i -> new Commands.Place(i, ports.get(i)))
        .toList();
  }

  private static void requireFree(ClusterPlan.Door door) {
    if (door.port() > 0) {
      FreePorts.requireFree(door.host(), door.port(), "--port");
    }
    if (door.grpcPort() > 0) {
      FreePorts.requireFree(door.host(), door.grpcPort(), "--grpc-port");
    }
  }

  /** Where a client on this machine reaches what listens on a host. */
  private static String reachable(String host) {
    return host.equals("0.0.0.0") || host.equals("::") ? "127.0.0.1" : host;
  }
}
