package dev.consilium.model.gguf;

/**
 * One line of the table: what an architecture of GGUF files is among our families. Whatever a line
 * does not say is alike in all of them; see {@link GgufKey} for the keys and {@link GgufNames} for
 * the tensors.
 *
 * @param name what {@code general.architecture} says, and what its keys begin with
 * @param modelType our family
 * @param rotaryPairs in which order files hold the rows of query and key projections
 * @param gateNormalised whether the chosen gate weights are divided by their sum; such files have
 *     no key for it
 * @param expertSize which key has the width inside a routed expert
 * @param sharedExpert whether layers have a shared expert with a sigmoid gate
 */
record GgufArchitecture(
    String name,
    String modelType,
    RotaryPairs rotaryPairs,
    boolean gateNormalised,
    ExpertSize expertSize,
    boolean sharedExpert) {

  /** Which two values of a head turn together. */
  enum RotaryPairs {
    /** {@code (i, i + rotaryDim / 2)}, as in our families. */
    HALVES,
    /**
     * {@code (2 i, 2 i + 1)}: the rows of the projections are in another order, which is undone
     * when they are read.
     */
    NEIGHBOURS
  }

  /** Which key has the width inside a routed expert. */
  enum ExpertSize {
    /** {@code feed_forward_length}; {@code expert_feed_forward_length} may repeat it. */
    FEED_FORWARD,
    /**
     * {@code expert_feed_forward_length}; without it, {@code feed_forward_length} is of the chosen
     * experts together.
     */
    EXPERT_FEED_FORWARD
  }

  /** The whole key, for example {@code qwen3moe.block_count}. */
  String key(String suffix) {
    return name + "." + suffix;
  }
}
