package dev.consilium.expertnode.loading;

import dev.consilium.expertnode.execution.ExpertRows;
import java.util.List;

/** Where weights are kept, as this package needs it. Thread-safe. */
public interface WeightBank {

  /** Memory that one expert of a layer takes. */
  long expertBytes(int layer);

  /** Memory that is taken now, with what is dropped but still in use. */
  long memoryBytes();

  /** Reads one expert from the checkpoint. */
  void load(int layer, int expert);

  /** Forgets one expert; its memory is freed when the last user has given it back. */
  void drop(int layer, int expert);

  /**
   * Keeps experts that are held from being freed.
   *
   * @return gives them back; to be run once
   */
  Runnable hold(int layer, List<ExpertRows> experts);
}
