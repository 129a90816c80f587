package dev.consilium.router;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.ExpertBank;
import dev.consilium.model.expert.ExpertComputation;
import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.router.dispatch.ExpertDispatcher;
import dev.consilium.router.dispatch.LocalExperts;
import dev.consilium.router.dispatch.NodeDirectory;
import dev.consilium.router.dispatch.NodeStatus;
import dev.consilium.router.dispatch.RemoteExperts;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.forward.ForwardPass;
import dev.consilium.router.forward.RouterWeights;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.scheduling.Engine;
import dev.consilium.router.scheduling.EngineLimits;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.KvDType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * A loaded router: weights, cache, experts (its own or on nodes), engine. The same parts serve one
 * process and a cluster.
 *
 * <p>Threading: opened and closed by one thread; the engine may be used by any.
 */
public final class Router implements AutoCloseable {
  private final ModelSpec spec;
  private final CpuDevice device;
  private final KvPool pool;
  private final ForwardPass forward;
  private final Engine engine;
  private final Optional<NodeDirectory> directory;
  // Closed from the last opened to the first.
  private final Deque<AutoCloseable> parts;

  private Router(
      ModelSpec spec,
      CpuDevice device,
      KvPool pool,
      ForwardPass forward,
      Engine engine,
      Optional<NodeDirectory> directory,
      Deque<AutoCloseable> parts) {
    this.spec = spec;
    this.device = device;
    this.pool = pool;
    this.forward = forward;
    this.engine = engine;
    this.directory = directory;
    this.parts = parts;
  }

  /**
   * Loads the weights and starts the engine.
   *
   * @param checkpoint stays the caller's to close; needed only during the call
   * @throws dev.consilium.model.checkpoint.CheckpointException if a weight cannot be read
   */
  public static Router open(
      Checkpoint checkpoint,
      RouterOptions options,
      Utilisation utilisation,
      EngineObserver observer) {
    Deque<AutoCloseable> parts = new ArrayDeque<>();
    try {
      return open(checkpoint, options, utilisation, observer, parts);
    } catch (RuntimeException | Error e) {
      closeAll(parts);
      throw e;
    }
  }

  private static Router open(
      Checkpoint checkpoint,
      RouterOptions options,
      Utilisation utilisation,
      EngineObserver observer,
      Deque<AutoCloseable> parts) {
    ModelSpec spec = checkpoint.spec();
    CpuDevice device = opened(parts, new CpuDevice(options.threads()));
    RouterWeights weights = opened(parts, RouterWeights.load(checkpoint, device));
    Optional<NodeDirectory> directory = Optional.empty();
    ExpertDispatcher dispatcher =
        switch (options.experts()) {
          case RouterOptions.LocalExpertsOnly local ->
              localExperts(checkpoint, device, local.name(), options, parts);
          case RouterOptions.ExpertNodes nodes -> {
            NodeDirectory found = opened(parts, nodes.directory(checkpoint, options.limits()));
            directory = Optional.of(found);
            yield new RemoteExperts(found, nodes.tracer(), nodes.timeout());
          }
        };
    KvDType kvDType = options.kvDType().dtype(checkpoint);
    KvPool pool =
        opened(
            parts,
            new KvPool(
                ForwardPass.cacheLayout(spec, kvDType),
                KvPool.blocksFor(options.kvCacheTokens()),
                options.limits().running(),
                options.limits().batchTokens()));
    ForwardPass forward =
        new ForwardPass(
            weights,
            device,
            dispatcher,
            options.wireDtype(),
            kvDType,
            utilisation,
            options.limits().batchTokens());
    EngineLimits limits =
        new EngineLimits(
            spec.contextLength(), spec.vocabularySize(), options.waitingLimit(), options.limits());
    Engine engine =
        opened(parts, new Engine(forward, device, pool, limits, observer, System::nanoTime));
    return new Router(spec, device, pool, forward, engine, directory, parts);
  }

  private static <T extends AutoCloseable> T opened(Deque<AutoCloseable> parts, T part) {
    parts.push(part);
    return part;
  }

  private static ExpertDispatcher localExperts(
      Checkpoint checkpoint,
      CpuDevice device,
      String name,
      RouterOptions options,
      Deque<AutoCloseable> parts) {
    ExpertBank bank = opened(parts, new ExpertBank(checkpoint));
    bank.load(allExperts(checkpoint.spec()));
    return new LocalExperts(name, bank, new ExpertComputation(device), options.wireDtype());
  }

  private static List<ExpertId> allExperts(ModelSpec spec) {
    List<ExpertId> all = new ArrayList<>();
    spec.expertCounts()
        .forEach((layer, count) -> {
          for (int index = 0; index < count; index++) {
            all.add(new ExpertId(layer, index));
          }
        });
    return all;
  }

  public ModelSpec spec() {
    return spec;
  }

  public Engine engine() {
    return engine;
  }

  /** What this router computes on. */
  public CpuDevice device() {
    return device;
  }

  /**
   * The pass itself, for those who look into it with no request running: a pass has one owner at a
   * time, and the engine is one while it has work.
   */
  public ForwardPass forward() {
    return forward;
  }

  /** The cache that {@link #forward()} works on, under the same rule. */
  public KvPool pool() {
    return pool;
  }

  /** Why a request would not be served now; empty if it would. */
  public Optional<String> notReadyReason() {
    return directory.flatMap(NodeDirectory::missing);
  }

  /** Expert nodes as this router sees them; none if it holds all experts itself. */
  public List<NodeStatus> nodes() {
    return directory.map(nodes -> nodes.view().statuses()).orElse(List.of());
  }

  /** Asks the expert nodes what they hold, now. */
  public void lookAtNodes() {
    directory.ifPresent(NodeDirectory::look);
  }

  /** Ends what runs, then gives back all memory. */
  @Override
  public void close() {
    closeAll(parts);
  }

  private static void closeAll(Deque<AutoCloseable> parts) {
    RuntimeException failed = new IllegalStateException("closing the router failed");
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        failed.addSuppressed(e);
      }
    }
    if (failed.getSuppressed().length > 0) {
      throw failed;
    }
  }
}
