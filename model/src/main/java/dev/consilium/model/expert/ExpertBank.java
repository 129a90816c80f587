package dev.consilium.model.expert;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoFeedForward;
import dev.consilium.tensor.ThreadTeam;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;

/**
 * The experts that this process holds in memory. Experts come and go while others compute: a
 * dropped expert's memory is freed when the last computation that uses it has ended.
 *
 * <p>Threading: any thread. Loads follow one another and block no computation, and no drop.
 */
public final class ExpertBank implements AutoCloseable {

  private final Checkpoint checkpoint;
  private final Object loading = new Object();

  // The rest is guarded by this.
  private final Map<ExpertId, Held> held = new HashMap<>();
  private long memoryBytes;
  private boolean closed;

  /** An empty bank. The checkpoint must stay open as long as experts are loaded. */
  public ExpertBank(Checkpoint checkpoint) {
    this.checkpoint = checkpoint;
  }

  /** Memory that an expert of a layer takes when loaded. */
  public static long expertBytes(Checkpoint checkpoint, int layer) {
    ModelSpec spec = checkpoint.spec();
    MixtureOfExperts experts = experts(spec, layer);
    return BlockWeights.memoryBytes(checkpoint, spec.names().feedForward(layer), experts);
  }

  /**
   * Loads experts that are not there yet, on as many threads as there are processors.
   *
   * @throws IllegalArgumentException if the model has no such expert; then nothing is loaded
   * @throws dev.consilium.model.checkpoint.CheckpointException if one cannot be read; those that
   *     are there by then stay
   */
  public void load(Collection<ExpertId> ids) {
    load(ids, _ -> true);
  }

  /**
   * As {@link #load(Collection)}.
   *
   * @param loaded is told of each that was not there yet, by the thread that loaded it; false ends
   *     the loading
   */
  public void load(Collection<ExpertId> ids, Predicate<ExpertId> loaded) {
    ids.forEach(this::requireExists);
    synchronized (loading) {
      Map<Integer, FeedForwardNames> names = new HashMap<>();
      List<Wanted> missing =
          ids.stream()
              .distinct()
              .filter(id -> !holds(id))
              .map(id ->
                  new Wanted(
                      id,
                      names.computeIfAbsent(id.layer(), checkpoint.spec().names()::feedForward)))
              .toList();
      int threads = Math.min(missing.size(), Runtime.getRuntime().availableProcessors());
      AtomicBoolean ended = new AtomicBoolean();
      try (ThreadTeam team = new ThreadTeam("load", Math.max(1, threads))) {
        team.run(missing.size(), index -> loadUnless(ended, missing.get(index), loaded));
      }
    }
  }

  /** An expert to load, and what the weights of its layer are called. */
  private record Wanted(ExpertId id, FeedForwardNames names) {}

  private void loadUnless(AtomicBoolean ended, Wanted wanted, Predicate<ExpertId> loaded) {
    if (ended.get()) {
      return;
    }
    try {
      add(wanted.id, read(wanted));
      if (!loaded.test(wanted.id)) {
        ended.set(true);
      }
    } catch (RuntimeException | Error e) {
      ended.set(true);
      throw e;
    }
  }

  /** Lets go of experts; those that are not there are passed over. */
  public void drop(Collection<ExpertId> ids) {
    List<Held> dropped = new ArrayList<>();
    synchronized (this) {
      for (ExpertId id : ids) {
        Optional.ofNullable(held.remove(id)).ifPresent(dropped::add);
      }
    }
    release(dropped);
  }

  public synchronized boolean holds(ExpertId id) {
    return held.containsKey(id);
  }

  /** All experts that are there, at this moment. */
  public synchronized SortedSet<ExpertId> held() {
    return new TreeSet<>(held.keySet());
  }

  /** Memory of all experts that are there, and of dropped ones that are still computing. */
  public synchronized long memoryBytes() {
    return memoryBytes;
  }

  /**
   * Keeps experts in memory until the lease is closed.
   *
   * @throws ExpertsNotHeldException if one is not there; then none is kept
   */
  synchronized Lease acquire(Collection<ExpertId> ids) {
    requireOpen();
    List<Held> leased = new ArrayList<>(ids.size());
    List<ExpertId> missing = new ArrayList<>();
    for (ExpertId id : ids) {
      Optional.ofNullable(held.get(id)).ifPresentOrElse(leased::add, () -> missing.add(id));
    }
    if (!missing.isEmpty()) {
      throw new ExpertsNotHeldException(missing);
    }
    leased.forEach(one -> one.references++);
    return new Lease(leased);
  }

  /** Lets go of everything, once no computation uses it. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    drop(held());
  }

  /** Whether gate weights of a layer multiply the experts' inputs, not their outputs. */
  boolean weighsInput(int layer) {
    return experts(checkpoint.spec(), layer).gate().weighting().ofInput();
  }

  private BlockWeights read(Wanted wanted) {
    MixtureOfExperts experts = experts(checkpoint.spec(), wanted.id.layer());
    return BlockWeights.load(checkpoint, wanted.names, experts, wanted.id.index());
  }

  private void add(ExpertId id, BlockWeights weights) {
    synchronized (this) {
      if (!closed) {
        held.put(id, new Held(weights));
        memoryBytes += weights.memoryBytes();
        return;
      }
    }
    weights.close();
    throw closedException();
  }

  private void release(List<Held> kept) {
    List<BlockWeights> unused = new ArrayList<>();
    synchronized (this) {
      for (Held one : kept) {
        if (--one.references == 0) {
          memoryBytes -= one.weights.memoryBytes();
          unused.add(one.weights);
        }
      }
    }
    unused.forEach(BlockWeights::close);
  }

  private void requireOpen() {
    if (closed) {
      throw closedException();
    }
  }

  private static IllegalStateException closedException() {
    return new IllegalStateException("the expert bank is closed");
  }

  private void requireExists(ExpertId id) {
    ModelSpec spec = checkpoint.spec();
    int count = experts(spec, id.layer()).gate().expertCount();
    if (id.index() < 0 || id.index() >= count) {
      throw new IllegalArgumentException(
          "%s does not exist: layer %d has experts 0 to %d".formatted(id, id.layer(), count - 1));
    }
  }

  private static MixtureOfExperts experts(ModelSpec spec, int layer) {
    if (layer < 0 || layer >= spec.layers().size()) {
      throw new IllegalArgumentException(
          "layer %d does not exist: the model has layers 0 to %d"
              .formatted(layer, spec.layers().size() - 1));
    }
    return switch (spec.layers().get(layer).feedForward()) {
      case MixtureOfExperts experts -> experts;
      case DenseFeedForward _ ->
          throw new IllegalArgumentException("layer " + layer + " is dense and has no experts");
      case NoFeedForward() ->
          throw new IllegalArgumentException(
              "layer " + layer + " only mixes tokens and has no experts");
    };
  }

  /** An expert's weights, and how many hold on to them: the bank and each lease. */
  private static final class Held {
    final BlockWeights weights;
    int references = 1;

    Held(BlockWeights weights) {
      this.weights = weights;
    }
  }

  /** Experts that stay in memory until this is closed. One thread. */
  final class Lease implements AutoCloseable {
    private List<Held> leased;

    private Lease(List<Held> leased) {
      this.leased = leased;
    }

    /** The weights of one of the experts that were asked for, by its place among them. */
    BlockWeights weights(int place) {
      return leased.get(place).weights;
    }

    @Override
    public void close() {
      List<Held> last = leased;
      leased = List.of();
      release(last);
    }
  }
}
