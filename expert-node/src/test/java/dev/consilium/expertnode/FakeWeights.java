package dev.consilium.expertnode;

import dev.consilium.expertnode.execution.ExpertRows;
import dev.consilium.expertnode.execution.LayerComputation;
import dev.consilium.expertnode.loading.WeightBank;
import dev.consilium.tensor.F32Matrix;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.function.IntPredicate;

/**
 * Experts whose output is {@code weight * (expert + 1) * hidden}, computed only as often as a test
 * allows.
 */
public final class FakeWeights implements WeightBank, LayerComputation {

  public static final long EXPERT_BYTES = 100;

  /** {@code "layer/expert"}. */
  public final Set<String> loaded = ConcurrentHashMap.newKeySet();

  /** Sizes of the computations so far: pairs of expert and token. */
  public final ConcurrentLinkedQueue<Integer> computed = new ConcurrentLinkedQueue<>();

  public volatile int held;
  public volatile String failOn = "";
  public volatile boolean failComputing;

  private final Semaphore allowed = new Semaphore(0);
  private final Semaphore begun = new Semaphore(0);

  /** Lets this many computations happen. */
  public void allow(int computations) {
    allowed.release(computations);
  }

  /** Waits until the next computation has begun (and perhaps waits to be allowed). */
  public void awaitBegun() throws InterruptedException {
    begun.acquire();
  }

  @Override
  public long expertBytes(int layer) {
    return EXPERT_BYTES;
  }

  @Override
  public long memoryBytes() {
    return loaded.size() * EXPERT_BYTES;
  }

  @Override
  public void load(SortedMap<Integer, NavigableSet<Integer>> experts, IntPredicate goOn) {
    for (var layer : experts.entrySet()) {
      for (int expert : layer.getValue()) {
        String name = layer.getKey() + "/" + expert;
        if (failOn.equals(name)) {
          throw new IllegalStateException("cannot read " + name);
        }
        loaded.add(name);
        if (!goOn.test(layer.getKey())) {
          return;
        }
      }
    }
  }

  @Override
  public void drop(int layer, int expert) {
    loaded.remove(layer + "/" + expert);
  }

  @Override
  public synchronized Runnable hold(int layer, List<ExpertRows> experts) {
    held++;
    return this::giveBack;
  }

  private synchronized void giveBack() {
    held--;
  }

  @Override
  public F32Matrix compute(int layer, F32Matrix hidden, List<ExpertRows> work) {
    begun.release();
    allowed.acquireUninterruptibly();
    if (failComputing) {
      throw new IllegalStateException("broken on purpose");
    }
    List<float[]> rows = new ArrayList<>();
    for (ExpertRows expert : work) {
      for (int i = 0; i < expert.count(); i++) {
        float[] row = new float[hidden.columns()];
        hidden.readRow(expert.tokens()[i], row);
        for (int c = 0; c < row.length; c++) {
          row[c] *= expert.weights()[i] * (expert.expert() + 1);
        }
        rows.add(row);
      }
    }
    computed.add(rows.size());
    F32Matrix result = F32Matrix.allocate(rows.size(), hidden.columns());
    for (int i = 0; i < rows.size(); i++) {
      result.writeRow(i, rows.get(i));
    }
    return result;
  }
}
