package dev.consilium.model.family;

/**
 * How a family's feed-forward blocks follow from a configuration.
 *
 * @param layers which layers have experts
 * @param fields where sizes stand
 * @param gate how experts are chosen and weighed
 * @param body what a routed expert is
 * @param others what all other blocks are, and whether what makes narrow tokens has biases
 * @param shared the experts that see every token
 * @param narrow the field with the width of what routed experts see instead of the token; empty:
 *     they see that
 * @param identities the field with how many identities may be chosen; empty: none
 */
record FeedForwardRules(
    Layers layers,
    Fields fields,
    GateRules gate,
    Body body,
    Body others,
    Shared shared,
    String narrow,
    String identities) {

  /** What a block is. */
  record Body(Activation activation, Flag biases) {
    BlockBody read(ConfigFields config) {
      return new BlockBody(activation, biases.read(config));
    }
  }

  /**
   * Names of fields.
   *
   * @param count routed experts of a layer
   * @param topK those of a token
   * @param size width inside a routed expert
   * @param denseSize width inside the block of a layer without experts
   */
  record Fields(String count, String topK, String size, String denseSize) {}

  /** Which layers have experts. */
  enum Layers {
    ALL,
    /** Every {@code decoder_sparse_step}-th, without those in {@code mlp_only_layers}. */
    SPARSE_STEP,
    /** All but the first {@code first_k_dense_replace}. */
    DENSE_FIRST,
    /** All but the first {@code num_dense_layers} (absent: 2). */
    DENSE_COUNTED,
    /** {@code expert_layer_offset} (absent: 1) of every {@code expert_layer_period} (absent: 2). */
    PERIODIC,
    /**
     * Those where {@code mlp_layer_types} says {@code sparse}; absent: all but the first {@code
     * first_k_dense_replace} (absent: 1).
     */
    TYPED,
    /**
     * Every {@code moe_layer_interval}-th from {@code moe_layer_start_index} to {@code
     * moe_layer_end_index} (-1: the last).
     */
    FROM_TO,
    /** Those in {@code moe_layers}; absent: every {@code interleave_moe_layer_step}-th. */
    LISTED,
    /**
     * Those that {@link SingleBlocks} names so; others have no feed-forward block, or a dense one.
     */
    SINGLE_BLOCKS,
    /**
     * The first of each two, and they are late; one layer of the configuration is two of ours, with
     * a dense block each.
     */
    FIRST_OF_TWO
  }

  /** The experts that see every token. */
  sealed interface Shared {
    /** None. */
    record None() implements Shared {}

    /**
     * One.
     *
     * @param field its width; where that is absent or 0, there is none
     * @param sigmoidGated whether it is weighed by a sigmoid, and always there
     */
    record Sized(String field, boolean sigmoidGated) implements Shared {}

    /**
     * Some of a routed expert's width, as one block.
     *
     * @param field how many; absent: none
     */
    record Counted(String field) implements Shared {}

    /** One of a routed expert's width. */
    record One() implements Shared {}
  }

  /**
   * A declaration; what it does not say is as in most families.
   *
   * @param count the field with the number of routed experts
   * @param size the field with the width inside one
   */
  static Builder experts(String count, String size) {
    return new Builder(count, size);
  }

  /** Not thread-safe. */
  static final class Builder {
    private final String count;
    private final String size;
    private String topK = "num_experts_per_tok";
    private String denseSize = "intermediate_size";
    private Layers layers = Layers.ALL;
    private GateRules gate = GateRules.softmax(GateRules.Normalisation.NEVER);
    private Body body = new Body(BlockBody.SWIGLU.activation(), Flag.NEVER);
    private Body others = body;
    private Shared shared = new Shared.None();
    private String narrow = "";
    private String identities = "";

    private Builder(String count, String size) {
      this.count = count;
      this.size = size;
    }

    /** The field with the number of experts of a token. */
    Builder topK(String field) {
      topK = field;
      return this;
    }

    Builder denseSize(String field) {
      denseSize = field;
      return this;
    }

    Builder layers(Layers value) {
      layers = value;
      return this;
    }

    Builder gate(GateRules value) {
      gate = value;
      return this;
    }

    Builder gate(GateRules.Builder value) {
      return gate(value.build());
    }

    Builder body(BlockBody value) {
      body = new Body(value.activation(), value.biases() ? Flag.ALWAYS : Flag.NEVER);
      return this;
    }

    /** Whether the matrices of all blocks have biases: experts', shared experts', dense ones. */
    Builder biases(Flag value) {
      body = new Body(body.activation(), value);
      return otherBiases(value);
    }

    /** Whether those of all blocks but routed experts have biases, and what makes narrow tokens. */
    Builder otherBiases(Flag value) {
      others = new Body(others.activation(), value);
      return this;
    }

    /** Between the products of all blocks. */
    Builder activation(Activation value) {
      body = new Body(value, body.biases());
      others = new Body(value, others.biases());
      return this;
    }

    /** The field with the width of what routed experts see; where it is absent, they see tokens. */
    Builder narrow(String field) {
      narrow = field;
      return this;
    }

    /** The field with how many choices of the gate give a token back as it is. */
    Builder identities(String field) {
      identities = field;
      return this;
    }

    Builder shared(Shared value) {
      shared = value;
      return this;
    }

    FeedForwardRules build() {
      return new FeedForwardRules(
          layers,
          new Fields(count, topK, size, denseSize),
          gate,
          body,
          others,
          shared,
          narrow,
          identities);
    }
  }
}
