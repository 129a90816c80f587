package dev.consilium.model.family;

/**
 * Makes the {@link WeightNames} of a family; what is not said is called as Llama's reference calls
 * it. Names of modules are relative to a layer.
 *
 * <p>Not thread-safe.
 */
final class NamesBuilder {
  private static final String LAYER = "model.layers.{layer}.";

  private final String attention = LAYER + "self_attn";
  private String attentionNorm = LAYER + "input_layernorm.weight";
  private String attentionOutput = attention + ".o_proj";
  private String finalNorm = "model.norm.weight";
  private String feedForwardNorm = LAYER + "post_attention_layernorm.weight";
  private String queryNorm = attention + ".q_norm.weight";
  private String keyNorm = attention + ".k_norm.weight";
  private GateNames gate = GateNames.of(LAYER + "mlp.gate");
  private GatedNames expert = GatedNames.of(LAYER + "mlp.experts.{expert}");
  private GatedNames shared = GatedNames.of(LAYER + "mlp.shared_experts");
  private String sharedGate = LAYER + "mlp.shared_expert_gate.weight";
  private GatedNames dense = GatedNames.of(LAYER + "mlp");
  private RecurrentNames recurrent = new RecurrentNames(LAYER + "mamba.");
  private WeightStorage storage = WeightStorage.PLAIN;

  /** The modules of the norms of attention and of feed-forward blocks. */
  NamesBuilder norms(String ofAttention, String ofFeedForward) {
    attentionNorm = LAYER + ofAttention + ".weight";
    feedForwardNorm = LAYER + ofFeedForward + ".weight";
    return this;
  }

  /** The modules of the norms of queries and keys, in that of attention. */
  NamesBuilder qkNorms(String query, String key) {
    queryNorm = attention + "." + query + ".weight";
    keyNorm = attention + "." + key + ".weight";
    return this;
  }

  /** The module of the output projection, in that of attention. */
  NamesBuilder attentionOutput(String module) {
    attentionOutput = attention + "." + module;
    return this;
  }

  /** The norm in front of the head. */
  NamesBuilder finalNorm(String module) {
    finalNorm = module + ".weight";
    return this;
  }

  NamesBuilder gate(String module) {
    gate = GateNames.of(LAYER + module);
    return this;
  }

  /**
   * The bias for the choice, if that is not in the gate's module. With {@code [row]} behind its
   * name, it is the only row of a matrix.
   */
  NamesBuilder correctionBias(String name) {
    gate = new GateNames(gate.weight(), gate.bias(), LAYER + name);
    return this;
  }

  NamesBuilder experts(GatedNames inLayer) {
    expert = prefixed(inLayer);
    return this;
  }

  /** Experts whose matrices are put together. */
  NamesBuilder experts(GatedNames inLayer, ExpertLayout layout) {
    storage = WeightStorage.of(layout);
    return experts(inLayer);
  }

  NamesBuilder shared(GatedNames inLayer) {
    shared = prefixed(inLayer);
    return this;
  }

  NamesBuilder dense(GatedNames inLayer) {
    dense = prefixed(inLayer);
    return this;
  }

  NamesBuilder recurrent(String module) {
    recurrent = new RecurrentNames(LAYER + module + ".");
    return this;
  }

  /** A weight of the recurrent module. */
  NamesBuilder recurrent(RecurrentNames.Part part, String name) {
    recurrent = recurrent.with(part, name);
    return this;
  }

  private static GatedNames prefixed(GatedNames names) {
    return new GatedNames(LAYER + names.gate(), LAYER + names.up(), LAYER + names.down());
  }

  WeightNames build() {
    return new WeightNames(
        "model.embed_tokens.weight",
        finalNorm,
        "lm_head.weight",
        attentionNames(),
        new FeedForwardNames(
            feedForwardNorm, gate, expert, expert.biases(), shared, sharedGate, dense),
        storage);
  }

  private AttentionNames attentionNames() {
    return new AttentionNames(
        attentionNorm,
        ProjectionNames.of(attention + ".q_proj"),
        ProjectionNames.of(attention + ".k_proj"),
        ProjectionNames.of(attention + ".v_proj"),
        ProjectionNames.of(attentionOutput),
        queryNorm,
        keyNorm,
        attention + ".sinks",
        recurrent,
        LatentNames.of(attention));
  }
}
