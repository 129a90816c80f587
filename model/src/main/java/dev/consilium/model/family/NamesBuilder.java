package dev.consilium.model.family;

import java.util.ArrayList;
import java.util.List;

/**
 * Makes the {@link WeightNames} of a family; what is not said is called as Llama's reference calls
 * it. Names of modules are relative to a layer.
 *
 * <p>Not thread-safe.
 */
final class NamesBuilder {
  private final String root;
  private final String layer;
  private final String attention;
  private String embedding = "embed_tokens";
  private ProjectionNames query;
  private ProjectionNames key;
  private ProjectionNames value;
  private String attentionNorm;
  private String attentionOutput;
  private String finalNorm;
  private String feedForwardNorm;
  private String queryNorm;
  private String keyNorm;
  private GateNames gate;
  private BlockNames expert;
  private BlockNames shared;
  private String sharedGate;
  private BlockNames dense;
  private String narrow;
  private String wide;
  private RecurrentNames recurrent;
  private WeightStorage storage = WeightStorage.PLAIN;
  private final List<String> unused = new ArrayList<>();

  /** Of a module {@code model}. */
  NamesBuilder() {
    this("model.");
  }

  /**
   * Of another module.
   *
   * @param root what all names but that of the head begin with
   */
  NamesBuilder(String root) {
    this(root, "layers." + WeightNames.LAYER, "self_attn");
  }

  /**
   * With experts in a module {@code block_sparse_moe}, called as Mixtral's reference calls them.
   */
  static NamesBuilder blockSparse() {
    return new NamesBuilder()
        .gate("block_sparse_moe.gate")
        .experts(BlockNames.of("block_sparse_moe.experts.{expert}", "w1", "w3", "w2"));
  }

  /**
   * Of a module that calls its parts otherwise.
   *
   * @param root what all names but that of the head begin with
   * @param layers the module of a layer, with its number open
   * @param ofAttention the module of attention, in a layer
   */
  NamesBuilder(String root, String layers, String ofAttention) {
    this.root = root;
    layer = root + layers + ".";
    attention = layer + ofAttention;
    query = ProjectionNames.of(attention + ".q_proj");
    key = ProjectionNames.of(attention + ".k_proj");
    value = ProjectionNames.of(attention + ".v_proj");
    attentionNorm = layer + "input_layernorm.weight";
    attentionOutput = attention + ".o_proj";
    finalNorm = root + "norm.weight";
    feedForwardNorm = layer + "post_attention_layernorm.weight";
    queryNorm = attention + ".q_norm.weight";
    keyNorm = attention + ".k_norm.weight";
    gate = GateNames.of(layer + "mlp.gate");
    expert = BlockNames.of(layer + "mlp.experts.{expert}");
    shared = BlockNames.of(layer + "mlp.shared_experts");
    sharedGate = layer + "mlp.shared_expert_gate.weight";
    dense = BlockNames.of(layer + "mlp");
    narrow = layer + "mlp.fc1_latent_proj.weight";
    wide = layer + "mlp.fc2_latent_proj.weight";
    recurrent = new RecurrentNames(layer + "mamba.");
  }

  /** What names of weights begin with that files may hold and that we do not use. */
  NamesBuilder unused(String... prefixes) {
    unused.addAll(List.of(prefixes));
    return this;
  }

  /** The modules of the norms of attention and of feed-forward blocks. */
  NamesBuilder norms(String ofAttention, String ofFeedForward) {
    attentionNorm = layer + ofAttention + ".weight";
    feedForwardNorm = layer + ofFeedForward + ".weight";
    return this;
  }

  /** The modules of the norms of queries and keys, in that of attention. */
  NamesBuilder qkNorms(String query, String key) {
    queryNorm = attention + "." + query + ".weight";
    keyNorm = attention + "." + key + ".weight";
    return this;
  }

  NamesBuilder embedding(String module) {
    embedding = module;
    return this;
  }

  /** The module that makes queries, keys and values, in this order of rows. */
  NamesBuilder queryKeyValue(String module) {
    ProjectionNames all = ProjectionNames.of(attention + "." + module);
    query = all.part("query");
    key = all.part("key");
    value = all.part("value");
    return this;
  }

  /** The module of the output projection, in that of attention. */
  NamesBuilder attentionOutput(String module) {
    attentionOutput = attention + "." + module;
    return this;
  }

  /** The norm in front of the head. */
  NamesBuilder finalNorm(String module) {
    finalNorm = root + module + ".weight";
    return this;
  }

  NamesBuilder gate(String module) {
    gate = GateNames.of(layer + module);
    return this;
  }

  /**
   * The bias for the choice, if that is not in the gate's module. With {@code [row]} behind its
   * name, it is the only row of a matrix.
   */
  NamesBuilder correctionBias(String name) {
    gate = new GateNames(gate.weight(), gate.bias(), layer + name);
    return this;
  }

  NamesBuilder experts(BlockNames inLayer) {
    expert = prefixed(inLayer);
    return this;
  }

  /** Experts whose matrices are put together. */
  NamesBuilder experts(BlockNames inLayer, ExpertLayout layout) {
    storage = WeightStorage.of(layout);
    return experts(inLayer);
  }

  NamesBuilder shared(BlockNames inLayer) {
    shared = prefixed(inLayer);
    return this;
  }

  NamesBuilder dense(BlockNames inLayer) {
    dense = prefixed(inLayer);
    return this;
  }

  /** The modules that make narrow tokens for experts, and widen their sum. */
  NamesBuilder narrow(String down, String up) {
    narrow = layer + down + ".weight";
    wide = layer + up + ".weight";
    return this;
  }

  NamesBuilder recurrent(String module) {
    recurrent = new RecurrentNames(layer + module + ".");
    return this;
  }

  /** The recurrent module's projection is made of one part for each key head. */
  NamesBuilder byKeyHead() {
    recurrent = recurrent.arranged(RecurrentNames.Arrangement.BY_KEY_HEAD);
    return this;
  }

  /** A weight of the recurrent module. */
  NamesBuilder recurrent(RecurrentNames.Part part, String name) {
    recurrent = recurrent.with(part, name);
    return this;
  }

  private BlockNames prefixed(BlockNames names) {
    return new BlockNames(layer + names.gate(), layer + names.up(), layer + names.down());
  }

  WeightNames build() {
    return new WeightNames(
        root + embedding + ".weight",
        finalNorm,
        "lm_head.weight",
        attentionNames(),
        new FeedForwardNames(
            feedForwardNorm,
            gate,
            expert,
            expert.biases(),
            shared,
            sharedGate,
            dense,
            narrow,
            wide),
        storage,
        unused);
  }

  private AttentionNames attentionNames() {
    return new AttentionNames(
        attentionNorm,
        query,
        key,
        value,
        ProjectionNames.of(attentionOutput),
        queryNorm,
        keyNorm,
        attention + ".sinks",
        recurrent,
        LatentNames.of(attention));
  }
}
