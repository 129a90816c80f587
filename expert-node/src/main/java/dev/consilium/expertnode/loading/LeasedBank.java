package dev.consilium.expertnode.loading;

import dev.consilium.expertnode.execution.ExpertRows;
import dev.consilium.expertnode.execution.LayerComputation;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.ExpertBank;
import dev.consilium.model.expert.ExpertComputation;
import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.SortedMap;
import java.util.function.IntPredicate;

/**
 * A checkpoint's experts in memory, and their computation.
 *
 * <p>The bank keeps weights alive while they compute; this one keeps them also while a dispatch
 * that was admitted for them waits.
 */
public final class LeasedBank implements WeightBank, LayerComputation, AutoCloseable {

  private final ExpertBank bank;
  private final ExpertComputation computation;
  private final Map<Integer, Long> bytesByLayer = new HashMap<>();

  // Guarded by this.
  private final Map<ExpertId, Integer> holders = new HashMap<>();
  private final Set<ExpertId> dropped = new HashSet<>();

  /**
   * An empty bank.
   *
   * @param expertCounts routed experts of the model by layer
   */
  public LeasedBank(
      Checkpoint checkpoint, SortedMap<Integer, Integer> expertCounts, CpuDevice device) {
    bank = new ExpertBank(checkpoint);
    computation = new ExpertComputation(device);
    expertCounts
        .keySet()
        .forEach(layer -> bytesByLayer.put(layer, ExpertBank.expertBytes(checkpoint, layer)));
  }

  @Override
  public long expertBytes(int layer) {
    return bytesByLayer.getOrDefault(layer, 0L);
  }

  @Override
  public long memoryBytes() {
    return bank.memoryBytes();
  }

  @Override
  public void load(SortedMap<Integer, NavigableSet<Integer>> experts, IntPredicate loaded) {
    List<ExpertId> absent = new ArrayList<>();
    for (var layer : experts.entrySet()) {
      for (int expert : layer.getValue()) {
        ExpertId id = new ExpertId(layer.getKey(), expert);
        if (!keep(id)) {
          absent.add(id);
        } else if (!loaded.test(id.layer())) {
          return;
        }
      }
    }
    bank.load(absent, id -> loaded.test(id.layer()));
  }

  /** Whether it is wanted again before the last dispatch that kept it in memory has ended. */
  private synchronized boolean keep(ExpertId id) {
    return dropped.remove(id);
  }

  @Override
  public synchronized void drop(int layer, int expert) {
    ExpertId id = new ExpertId(layer, expert);
    if (holders.containsKey(id)) {
      dropped.add(id);
    } else {
      bank.drop(List.of(id));
    }
  }

  @Override
  public synchronized Runnable hold(int layer, List<ExpertRows> experts) {
    List<ExpertId> ids = experts.stream().map(rows -> new ExpertId(layer, rows.expert())).toList();
    ids.forEach(id -> holders.merge(id, 1, Integer::sum));
    return () -> giveBack(ids);
  }

  private synchronized void giveBack(List<ExpertId> ids) {
    for (ExpertId id : ids) {
      // Absent once nobody holds it.
      holders.computeIfPresent(id, (_, count) -> count > 1 ? count - 1 : null);
      if (!holders.containsKey(id) && dropped.remove(id)) {
        bank.drop(List.of(id));
      }
    }
  }

  @Override
  public F32Matrix compute(int layer, F32Matrix hidden, List<ExpertRows> work) {
    List<ExpertTokens> tokens =
        work.stream()
            .map(rows -> new ExpertTokens(rows.expert(), rows.tokens(), rows.weights()))
            .toList();
    // Rounded when the answer is written, to the type that each router asked for.
    return computation.compute(bank, layer, hidden, tokens, RoundTo.F32);
  }

  @Override
  public void close() {
    bank.close();
  }
}
