package dev.consilium.model.gguf;

import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.BlockNames;
import dev.consilium.model.family.ExpertLayout;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.GateNames;
import dev.consilium.model.family.LatentNames;
import dev.consilium.model.family.ProjectionNames;
import dev.consilium.model.family.RecurrentNames;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.model.family.WeightNames;
import dev.consilium.model.family.WeightStorage;
import dev.consilium.model.family.WeightStorage.LatentLayout;
import dev.consilium.model.family.WeightStorage.RecurrentLayout;
import java.util.List;
import java.util.Optional;

/**
 * What GGUF files call the weights. The routed experts of a layer are one tensor {@code [experts,
 * rows, columns]} there; we call expert 7 of it {@code blk.0.ffn_up_exps.weight[7]}.
 */
public final class GgufNames {

  private static final String LAYER = "blk.{layer}.";
  private static final String KEYS_UP = "attn_k_b.weight";
  private static final String VALUES_UP = "attn_v_b.weight";

  /** What makes queries, keys and values, where that is one matrix; without the layer. */
  static final String QUERY_KEY_VALUE = "attn_qkv.weight";

  /** Both of that, one part for each key head; without the layer. */
  static final String BY_KEY_HEAD = "ssm_in.weight";

  /** Output gates of linear attention, beside that; without the layer. */
  static final String GATE = "attn_gate.weight";

  /** The same for most architectures. */
  public static final WeightNames ALL = names();

  /** Where the norm in front of feed-forward blocks is thought of as behind attention. */
  static final WeightNames NORM_BEHIND_ATTENTION = withNorm("post_attention_norm");

  /** Where a layer is one block, and has one norm whatever that is. */
  static final WeightNames SINGLE_BLOCKS = withNorm("attn_norm");

  /** DBRX. */
  static final WeightNames NORM_OF_OUTPUT = withQueryKeyValue(withNorm("attn_output_norm"));

  /** LFM2. */
  static final WeightNames SHORT_CONVOLUTIONS =
      ALL.withFinalNorm("token_embd_norm.weight")
          .withAttention(
              ALL.attentionTemplate()
                  .withRecurrent(
                      new RecurrentNames(LAYER + "shortconv.")
                          .with(Part.INPUT, "in_proj.weight")
                          .with(Part.CONVOLUTION, "conv.weight")
                          .with(Part.OUTPUT, "out_proj.weight")));

  /** MiniMax-01's lightning attention has names of attention. */
  static final WeightNames LIGHTNING =
      ALL.withAttention(
          ALL.attentionTemplate()
              .withRecurrent(
                  ALL.attentionTemplate()
                      .recurrent()
                      .with(Part.NORM, "attn_norm_2.weight")
                      .with(Part.OUTPUT, "attn_output.weight")));

  /** Kimi's delta attention has some names of attention. */
  static final WeightNames DELTAS_BY_VALUE =
      ALL.withAttention(
          ALL.attentionTemplate()
              .withRecurrent(
                  ALL.attentionTemplate()
                      .recurrent()
                      .with(Part.QUERY, "attn_q.weight")
                      .with(Part.KEY, "attn_k.weight")
                      .with(Part.VALUE, "attn_v.weight")
                      .with(Part.QUERY_CONVOLUTION, "ssm_conv1d_q.weight")
                      .with(Part.KEY_CONVOLUTION, "ssm_conv1d_k.weight")
                      .with(Part.VALUE_CONVOLUTION, "ssm_conv1d_v.weight")
                      .with(Part.DECAY_DOWN, "ssm_f_a.weight")
                      .with(Part.DECAY_UP, "ssm_f_b.weight")
                      .with(Part.GATE_DOWN, "ssm_g_a.weight")
                      .with(Part.GATE_UP, "ssm_g_b.weight")
                      .with(Part.OUTPUT, "attn_output.weight")));

  /** Hy3. */
  static final WeightNames SHORT_CORRECTION_BIAS =
      ALL.withFeedForward(ALL.feedForwardTemplate().withCorrectionBias(LAYER + "exp_probs_b"));

  /** Qwen's delta nets. */
  static final WeightNames DELTA_NETS =
      NORM_BEHIND_ATTENTION.arranged(RecurrentNames.Arrangement.SCALARS_BY_KEY_HEAD);

  /** Those of later ones, which turn about with the heads of values. */
  static final WeightNames DELTA_NETS_IN_TURNS =
      NORM_BEHIND_ATTENTION.stored(stored(RecurrentLayout.RATES_IN_TURNS));

  /** How the names of tensors end that hold the routed experts of a layer. */
  public static final String EXPERTS_SUFFIX = "_exps.weight";

  /** Two matrices of each routed expert, the gate's rows first, where files put them together. */
  public static final String GATE_UP_EXPERTS = "ffn_gate_up_exps.weight";

  private static final List<String> STACKED =
      List.of(EXPERTS_SUFFIX, "_exps.bias", "." + KEYS_UP, "." + VALUES_UP);

  private GgufNames() {}

  /** Whether a tensor is several weights of as many experts or heads. */
  public static boolean stacked(String tensor) {
    return STACKED.stream().anyMatch(tensor::endsWith);
  }

  /** Our name of one expert's, or head's, part of a tensor. */
  public static String part(String tensor, int index) {
    return tensor + "[" + index + "]";
  }

  /** The file's name of the tensor that a weight is in: without the expert. */
  public static String tensor(String weight) {
    int bracket = weight.indexOf('[');
    return bracket < 0 ? weight : weight.substring(0, bracket);
  }

  private static WeightNames withNorm(String ofFeedForward) {
    return ALL.withFeedForward(
        ALL.feedForwardTemplate().withNorm(LAYER + ofFeedForward + ".weight"));
  }

  /** Where queries, keys and values are made by one matrix. */
  static WeightNames withQueryKeyValue(WeightNames names) {
    return names.withAttention(names.attentionTemplate().withQueryKeyValue(projection("attn_qkv")));
  }

  private static WeightNames names() {
    return new WeightNames(
        "token_embd.weight",
        "output_norm.weight",
        "output.weight",
        attention(),
        new FeedForwardNames(
            LAYER + "ffn_norm.weight",
            new GateNames(
                LAYER + "ffn_gate_inp.weight",
                LAYER + "ffn_gate_inp.bias",
                LAYER + "exp_probs_b.bias"),
            gated("_exps.weight[{expert}]"),
            gated("_exps.bias[{expert}]"),
            gated("_shexp.weight"),
            LAYER + "ffn_gate_inp_shexp.weight",
            gated(".weight"),
            LAYER + "ffn_latent_down.weight",
            LAYER + "ffn_latent_up.weight"),
        stored(RecurrentLayout.RATES),
        List.of());
  }

  private static AttentionNames attention() {
    return new AttentionNames(
        LAYER + "attn_norm.weight",
        projection("attn_q"),
        projection("attn_k"),
        projection("attn_v"),
        projection("attn_output"),
        LAYER + "attn_q_norm.weight",
        LAYER + "attn_k_norm.weight",
        LAYER + "attn_sinks.weight",
        new RecurrentNames(LAYER)
            .with(Part.INPUT, "ssm_in.weight")
            .with(Part.BY_KEY_HEAD, BY_KEY_HEAD)
            .with(Part.SCALARS_BY_KEY_HEAD, "ssm_ba.weight")
            .with(Part.QUERY_KEY_VALUE, QUERY_KEY_VALUE)
            .with(Part.GATE, GATE)
            .with(Part.STRENGTH, "ssm_beta.weight")
            .with(Part.STEP, "ssm_alpha.weight")
            .with(Part.SELECTION, "ssm_x.weight")
            .with(Part.TIME_STEP, "ssm_dt.weight")
            .with(Part.TIME_STEP_NORM, "ssm_dt_norm.weight")
            .with(Part.KEY_NORM, "ssm_b_norm.weight")
            .with(Part.QUERY_NORM, "ssm_c_norm.weight")
            .with(Part.CONVOLUTION, "ssm_conv1d.weight")
            .with(Part.TIME_STEP_BIAS, "ssm_dt.bias")
            .with(Part.DECAY, "ssm_a")
            .with(Part.SKIP, "ssm_d")
            .with(Part.NORM, "ssm_norm.weight")
            .with(Part.OUTPUT, "ssm_out.weight"),
        new LatentNames(
            LAYER + "attn_q_a.weight",
            LAYER + "attn_q_a_norm.weight",
            LAYER + "attn_q_b.weight",
            LAYER + "attn_kv_a_mqa.weight",
            LAYER + "attn_kv_a_norm.weight",
            LAYER + "attn_kv_b.weight",
            LAYER + KEYS_UP + "[{head}]",
            LAYER + VALUES_UP + "[{head}]"));
  }

  private static WeightStorage stored(RecurrentLayout recurrent) {
    return new WeightStorage(
        ExpertLayout.ONE_BY_ONE, Optional.empty(), LatentLayout.BY_HEAD, recurrent);
  }

  private static ProjectionNames projection(String name) {
    return new ProjectionNames(LAYER + name + ".weight", LAYER + name + ".bias");
  }

  private static BlockNames gated(String suffix) {
    return new BlockNames(
        LAYER + "ffn_gate" + suffix, LAYER + "ffn_up" + suffix, LAYER + "ffn_down" + suffix);
  }
}
