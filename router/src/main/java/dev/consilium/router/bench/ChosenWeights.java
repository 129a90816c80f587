package dev.consilium.router.bench;

import dev.consilium.router.forward.ForwardObserver;
import dev.consilium.router.gating.ExpertChoices;
import dev.consilium.tensor.F32Matrix;
import java.util.BitSet;
import java.util.Map;

/** Adds up the bytes of the experts that are chosen, each once for a layer of a step. */
final class ChosenWeights implements ForwardObserver {
  private final Map<Integer, Long> expertBytes;
  private final BitSet chosen = new BitSet();
  private long bytes;

  /**
   * @param expertBytes of one expert, by layer
   */
  ChosenWeights(Map<Integer, Long> expertBytes) {
    this.expertBytes = expertBytes;
  }

  @Override
  public void onGate(int layer, F32Matrix logits, ExpertChoices choices) {
    chosen.clear();
    for (int token = 0; token < choices.tokens(); token++) {
      for (int rank = 0; rank < choices.topK(); rank++) {
        if (!choices.identity(token, rank)) {
          chosen.set(choices.expert(token, rank));
        }
      }
    }
    Long one = expertBytes.get(layer);
    if (one == null) {
      throw new IllegalStateException("layer " + layer + " has experts of unknown size");
    }
    bytes += one * chosen.cardinality();
  }

  long bytes() {
    return bytes;
  }
}
