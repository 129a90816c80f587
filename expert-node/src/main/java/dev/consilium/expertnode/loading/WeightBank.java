package dev.consilium.expertnode.loading;

import dev.consilium.expertnode.execution.ExpertRows;
import java.util.List;
import java.util.NavigableSet;
import java.util.SortedMap;
import java.util.function.IntPredicate;

/** Where weights are kept, as this package needs it. Thread-safe. */
public interface WeightBank {

  /** Memory that one expert of a layer takes. */
  long expertBytes(int layer);

  /** Memory that is taken now, with what is dropped but still in use. */
  long memoryBytes();

  /**
   * Reads experts from the checkpoint, several at once. After a failure some are there.
   *
   * @param experts indices by layer
   * @param loaded is told the layer of each that is there now, by any thread; false ends the
   *     loading
   */
  void load(SortedMap<Integer, NavigableSet<Integer>> experts, IntPredicate loaded);

  /**
   * Forgets one expert, if it is there; its memory is freed when the last user has given it back.
   */
  void drop(int layer, int expert);

  /**
   * Keeps experts that are held from being freed.
   *
   * @return gives them back; to be run once
   */
  Runnable hold(int layer, List<ExpertRows> experts);
}
