package dev.consilium.model.family;

import java.util.ArrayList;
import java.util.List;

/** What a family's declaration says about gate and experts, in words for the page of models. */
final class FeedForwardRuleWords {

  private FeedForwardRuleWords() {}

  static String gate(GateRules gate) {
    List<String> words = new ArrayList<>();
    words.add(score(gate.score()) + (gate.bias() ? " with bias" : ""));
    if (gate.correctionBias()) {
      words.add("correction bias");
    }
    switch (gate.groups()) {
      case NONE -> {}
      case IF_METHOD_SAYS -> words.add("groups by maximum, if `topk_method` says so");
      case TOP_TWO -> words.add("groups by the sum of their best two");
    }
    switch (gate.normalisation()) {
      case NEVER -> {}
      case ALWAYS -> words.add("renormalised");
      case IF_ENABLED -> words.add("renormalised if `norm_topk_prob`");
      case UNLESS_NULL -> words.add("renormalised unless `" + GateRules.NORM_FIELD + "` is null");
      case UNLESS_DISABLED -> words.add("renormalised unless `norm_topk_prob` is false");
    }
    switch (gate.weight()) {
      case OUTPUT -> {}
      case SCALED_OUTPUT -> words.add("times `" + gate.scaling().field() + "`");
      case INPUT -> words.add("weighs the input");
    }
    return String.join("; ", words);
  }

  private static String score(GateRules.Score score) {
    return switch (score) {
      case SOFTMAX_OF_ALL -> "softmax over all";
      case SOFTMAX_OF_CHOSEN -> "softmax over the chosen";
      case SIGMOID -> "sigmoid";
      case SPARSE_MIXER -> "sparsemixer";
    };
  }

  static String experts(FeedForwardRules rules) {
    String count = rules.fields().count();
    return "`%s` of `%s`%s%s per token, of width `%s`%s; %s"
        .formatted(
            rules.fields().topK(),
            count,
            count.equals("num_experts") ? " or `num_local_experts`" : "",
            rules.identities().isEmpty() ? "" : " and `" + rules.identities() + "` identities",
            rules.fields().size(),
            rules.narrow().isEmpty() ? "" : ", on tokens narrowed to `" + rules.narrow() + "`",
            layers(rules.layers()));
  }

  private static String layers(FeedForwardRules.Layers layers) {
    return switch (layers) {
      case ALL -> "all layers";
      case SPARSE_STEP -> "by `decoder_sparse_step` and `mlp_only_layers`";
      case DENSE_FIRST -> "behind `first_k_dense_replace` dense layers";
      case DENSE_COUNTED -> "behind `num_dense_layers` dense layers";
      case PERIODIC -> "`expert_layer_offset` of every `expert_layer_period` layers";
      case TYPED -> "by `mlp_layer_types`, or behind `first_k_dense_replace` dense layers";
      case FROM_TO -> "from `moe_layer_start_index` to `moe_layer_end_index`";
      case LISTED -> "by `moe_layers`, or every `interleave_moe_layer_step`";
      case FIRST_OF_TWO ->
          "in the first half of each layer, added behind the second; halves count as layers";
      case SINGLE_BLOCKS -> "where `layers_block_type` or `hybrid_override_pattern` says so";
    };
  }

  static String body(FeedForwardRules rules) {
    String activation =
        switch (rules.body().activation()) {
          case Activation.SwiGlu() -> "SwiGLU";
          case Activation.ClampedSwiGlu _ -> "clamped SwiGLU";
          case Activation.SquaredRelu() -> "squared ReLU without a gate";
        };
    return activation + biases(rules.body().biases(), rules.others().biases());
  }

  private static String biases(Flag ofExperts, Flag ofOthers) {
    if (ofExperts.equals(ofOthers)) {
      return ofExperts.equals(Flag.NEVER)
          ? ""
          : " with biases in all blocks" + FlagWords.condition(ofExperts);
    }
    return ofExperts.equals(Flag.NEVER)
        ? " with biases in all blocks but routed experts" + FlagWords.condition(ofOthers)
        : " with biases" + FlagWords.condition(ofExperts);
  }

  static String shared(FeedForwardRules.Shared shared) {
    return switch (shared) {
      case FeedForwardRules.Shared.None() -> "–";
      case FeedForwardRules.Shared.Sized(String field, boolean gated) ->
          "width `" + field + "`" + (gated ? ", weighed by a sigmoid" : "");
      case FeedForwardRules.Shared.Counted(String field) -> "`" + field + "`, as one";
      case FeedForwardRules.Shared.One() -> "one";
    };
  }

  static String layout(ExpertLayout layout) {
    return switch (layout) {
      case ONE_BY_ONE -> "one by one";
      case STACKED -> "stacked";
      case TRANSPOSED -> "stacked, transposed";
      case ROWS -> "in three matrices, down transposed";
      case TRANSPOSED_ALTERNATING -> "stacked, transposed, gate and up by turns; or MXFP4";
      case MXFP4_ALTERNATING -> "MXFP4, gate and up by turns";
    };
  }
}
