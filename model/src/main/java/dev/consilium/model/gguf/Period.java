package dev.consilium.model.gguf;

import java.util.List;
import java.util.Optional;

/**
 * Which layers are of a kind: those where the remainder of the index by {@code length} is {@code
 * offset}.
 */
record Period(int offset, int length) {

  /** One that says the same as a list; empty if none does. */
  static Optional<Period> of(List<Boolean> layers) {
    int offset = layers.indexOf(true);
    if (offset < 0) {
      return Optional.empty();
    }
    int next = layers.subList(offset + 1, layers.size()).indexOf(true);
    int length = next < 0 ? layers.size() : next + 1;
    Period period = new Period(offset, length);
    return offset < length && period.says(layers) ? Optional.of(period) : Optional.empty();
  }

  private boolean says(List<Boolean> layers) {
    for (int i = 0; i < layers.size(); i++) {
      if (layers.get(i) != (i % length == offset)) {
        return false;
      }
    }
    return true;
  }
}
