package dev.consilium.expertnode;

import dev.consilium.expertnode.execution.ExecutionLimits;
import dev.consilium.expertnode.execution.ExecutionMeters;
import dev.consilium.expertnode.execution.ExpertExecutor;
import dev.consilium.expertnode.loading.AssignException;
import dev.consilium.expertnode.loading.AssignOrder;
import dev.consilium.expertnode.loading.ExpertStore;
import dev.consilium.expertnode.loading.HeldExperts;
import dev.consilium.expertnode.loading.LeasedBank;
import dev.consilium.expertnode.wire.ExpertGrpcService;
import dev.consilium.expertnode.wire.NodeFacts;
import dev.consilium.expertnode.wire.WireLimits;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.placement.PlacementPlan;
import dev.consilium.proto.expert.v1.ExpertServiceGrpc;
import dev.consilium.serving.Callbacks;
import dev.consilium.serving.ConfigException;
import dev.consilium.serving.GrpcServer;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.Kernels;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.NavigableSet;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A running expert node.
 *
 * <ol>
 *   <li>Open the checkpoint: a wrong directory ends the start at once.
 *   <li>Bind the port, so that probes get truthful answers: alive, not ready.
 *   <li>Load the share on a thread of its own, measure the speed, report ready.
 * </ol>
 */
public final class ExpertNode implements AutoCloseable {

  private static final System.Logger LOG = System.getLogger(ExpertNode.class.getName());
  private static final Duration STOP_GRACE = Duration.ofSeconds(1);

  private final Checkpoint checkpoint;
  private final CpuDevice device;
  private final LeasedBank bank;
  private final ExpertStore store;
  private final ExpertExecutor executor;
  private final ExpertGrpcService service;
  private final GrpcServer server;
  private final String name;
  private final int expertWidth;
  private final CompletableFuture<Void> ready = new CompletableFuture<>();

  private final Thread loading;
  private volatile boolean closing;
  private volatile double secondsPerExpertToken;

  private ExpertNode(ExpertNodeConfig config, Telemetry telemetry, Checkpoint checkpoint)
      throws IOException {
    this.checkpoint = checkpoint;
    this.expertWidth = checkpoint.spec().expertWidth();
    this.name = config.identity().name().orElseGet(() -> defaultName(config.identity().port()));
    SortedMap<Integer, Integer> counts = checkpoint.spec().expertCounts();
    // Before anything has threads that would outlive a refusal.
    ExecutionLimits executionLimits = executionLimits(config.limits());
    WireLimits wireLimits = wireLimits(config, expertWidth);
    NodeFacts facts = new NodeFacts(name, checkpoint.fingerprint(), "cpu", expertWidth);
    device = new CpuDevice(config.device().threads());
    bank = new LeasedBank(checkpoint, counts, device);
    store =
        new ExpertStore(
            name, bank, counts, config.device().memoryBudgetBytes(), config.identity().epoch());
    ExecutionMeters meters = new ExecutionMeters(telemetry, counts);
    meters.gauge(
        "consilium.expert.memory", "By", "Memory that expert weights take", bank::memoryBytes);
    executor = new ExpertExecutor(name, bank, executionLimits, meters);
    service =
        new ExpertGrpcService(
            facts, store, executor, wireLimits, () -> secondsPerExpertToken, this::reportNotReady);
    try {
      server =
          GrpcServer.at(
                  new InetSocketAddress(config.identity().host(), config.identity().port()),
                  config.grpc(),
                  telemetry)
              .service(service)
              .callbacks(Callbacks.ON_NETWORK_THREAD)
              .start();
    } catch (IOException | RuntimeException failed) {
      executor.close();
      closeDevice();
      throw failed;
    }
    loading = Thread.ofPlatform().name("expert-loading").daemon().unstarted(() -> load(config));
  }

  /**
   * Starts a node; it may still be loading when this returns, see {@link #ready}.
   *
   * @throws IOException if the port cannot be bound
   * @throws dev.consilium.model.checkpoint.CheckpointException if the model cannot be read
   */
  public static ExpertNode start(ExpertNodeConfig config, Telemetry telemetry) throws IOException {
    Kernels.chooseAhead();
    Checkpoint checkpoint = Checkpoint.open(config.model());
    ExpertNode node;
    try {
      node = new ExpertNode(config, telemetry, checkpoint);
    } catch (IOException | RuntimeException failed) {
      checkpoint.close();
      throw failed;
    }
    node.loading.start();
    return node;
  }

  private static ExecutionLimits executionLimits(ExpertNodeConfig.Limits limits) {
    return new ExecutionLimits(
        limits.queueLimit(), limits.queueBytes(), limits.gatheredAssignments());
  }

  /**
   * Tokens are as many as fit a message as f32, so that the limit told to routers holds for all
   * types.
   */
  private static WireLimits wireLimits(ExpertNodeConfig config, int expertWidth) {
    ExpertNodeConfig.Limits limits = config.limits();
    int fit = config.grpc().maxMessageBytes() / 2 / (expertWidth * Float.BYTES);
    if (fit < 1) {
      throw new ConfigException(
          "consilium.grpc.max-message is %d, expected at least %d for hidden states of %d elements"
              .formatted(
                  config.grpc().maxMessageBytes(), 2 * expertWidth * Float.BYTES, expertWidth));
    }
    return new WireLimits(
        Math.min(limits.tokensPerDispatch(), fit),
        config.grpc().maxMessageBytes(),
        limits.streamBytes(),
        limits.dispatchTimeout(),
        limits.drainTimeout());
  }

  private static String defaultName(int port) {
    // Several nodes of one machine may each have asked for a free port.
    String last = port > 0 ? String.valueOf(port) : UUID.randomUUID().toString().substring(0, 8);
    return hostName() + ":" + last;
  }

  private static String hostName() {
    String given = System.getenv("HOSTNAME");
    return given == null || given.isBlank() ? "localhost" : given;
  }

  /** On the loading thread. */
  private void load(ExpertNodeConfig config) {
    try {
      HeldExperts held = store.change(order(config), (_, _, _) -> !closing);
      if (held.count() > 0) {
        int layer = held.byLayer().firstKey();
        secondsPerExpertToken =
            SpeedProbe.secondsPerExpertToken(
                bank, layer, held.ofLayer(layer).first(), expertWidth, System::nanoTime);
      }
      LOG.log(
          System.Logger.Level.INFO,
          "node %s holds %d experts, %d bytes, at placement epoch %d"
              .formatted(name, held.count(), store.usedBytes(), held.epoch()));
      reportReady();
      ready.complete(null);
    } catch (AssignException | RuntimeException | Error failed) {
      if (closing) {
        ready.cancel(false);
      } else {
        ready.completeExceptionally(failed);
      }
    }
  }

  private AssignOrder order(ExpertNodeConfig config) {
    SortedMap<Integer, NavigableSet<Integer>> load = new TreeMap<>();
    config
        .share()
        .ifPresent(share ->
            PlacementPlan.experts(share, store.expertCounts())
                .forEach((layer, experts) -> load.put(layer, new TreeSet<>(experts))));
    return new AssignOrder(load, new TreeMap<>(), OptionalLong.empty());
  }

  private synchronized void reportReady() {
    if (!executor.draining() && !closing) {
      server.report(ExpertServiceGrpc.SERVICE_NAME, true);
    }
  }

  private synchronized void reportNotReady() {
    server.report(ExpertServiceGrpc.SERVICE_NAME, false);
  }

  /** Completes when the share is loaded; fails if it cannot be. */
  public CompletionStage<Void> ready() {
    return ready;
  }

  public String name() {
    return name;
  }

  /** The bound gRPC port. */
  public int port() {
    return server.port();
  }

  /** What is held now. */
  public HeldExperts held() {
    return store.held();
  }

  /**
   * Reports not ready, admits nothing more, and waits for what is admitted.
   *
   * @return dispatches that had not ended when the time was over
   */
  public int drain(Duration limit) throws InterruptedException {
    reportNotReady();
    return executor.drain(limit);
  }

  /** Stops at once: what waits is refused, streams end, memory is freed. */
  @Override
  public void close() {
    closing = true;
    reportNotReady();
    joinLoading();
    executor.close();
    service.closeStreams();
    server.stop(STOP_GRACE);
    closeDevice();
    checkpoint.close();
  }

  private void closeDevice() {
    bank.close();
    device.close();
  }

  private void joinLoading() {
    try {
      loading.join();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
