package dev.consilium.model.family;

import java.util.ArrayList;
import java.util.List;

/** What a family's declaration says about attention, in words for {@code docs/models.md}. */
final class AttentionRuleWords {

  private AttentionRuleWords() {}

  static String attention(ModelFamily family) {
    List<String> words = new ArrayList<>();
    words.add(
        switch (family.attention()) {
          case AttentionRules rules -> grouped(rules);
          case LatentRules rules ->
              "latent, with the compressed cache"
                  + (rules.scaled() ? "; factors of queries and latent vectors" : "");
        });
    switch (family.recurrence()) {
      case NONE -> {}
      case DELTA_NET -> words.add("gated delta nets where `layer_types` says `linear_attention`");
      case MAMBA2 -> words.add("Mamba2 where `layer_types` says `mamba`");
      case MAMBA2_SINGLE_BLOCKS ->
          words.add("Mamba2 where `layers_block_type` or `hybrid_override_pattern` says so");
      case CHANNEL_DELTA_NET ->
          words.add("Kimi delta attention in `kda_layers` of `linear_attn_config`");
      case LIGHTNING ->
          words.add("lightning attention where `layer_types` says `linear_attention`");
      case LIGHTNING_NUMBERED -> words.add("lightning attention where `attn_type_list` says 0");
      case MAMBA1 -> words.add("Mamba but for `attn_layer_offset` of `attn_layer_period` layers");
      case SHORT_CONVOLUTION -> words.add("short convolutions where `layer_types` says `conv`");
    }
    return String.join("; ", words);
  }

  static String positions(ModelFamily family) {
    return switch (family.attention()) {
      case AttentionRules rules -> rotary(rules.rotary());
      case LatentRules rules when !rules.rotated() -> "none";
      case LatentRules rules ->
          "rotary on a part of its own, theta %s".formatted(number(rules.ropeTheta()));
    };
  }

  private static String grouped(AttentionRules rules) {
    List<String> words = new ArrayList<>();
    words.add("grouped-query");
    words.add(keys(rules.keys()));
    if (rules.qkNorm().kind() != QkNorm.NONE) {
      words.add(norm(rules.qkNorm().kind()) + FlagWords.condition(rules.qkNorm().used()));
    }
    if (!rules.biases().inputs().equals(Flag.NEVER)) {
      String which = rules.biases().output() ? "biases" : "biases on queries, keys, values";
      words.add(which + FlagWords.condition(rules.biases().inputs()));
    }
    if (rules.scores().sinks()) {
      words.add("sinks");
    }
    if (rules.scores().temperature()) {
      words.add("temperature by position");
    }
    if (!rules.scores().scaleField().isEmpty()) {
      words.add("scale by `" + rules.scores().scaleField() + "`");
    }
    if (!rules.projection().clipField().isEmpty()) {
      words.add("cut off at `" + rules.projection().clipField() + "`");
    }
    if (rules.projection().gate()) {
      words.add("a sigmoid gate on the result");
    }
    return String.join("; ", words);
  }

  private static String keys(AttentionRules.Keys keys) {
    return switch (keys) {
      case ALL -> "all keys";
      case ALL_BESIDE_RECURRENT -> "all keys in layers that are not recurrent";
      case ALL_IN_SINGLE_BLOCKS -> "all keys in layers that are attention";
      case WINDOW -> "the last `sliding_window` keys, if it is there";
      case WINDOW_IF_ENABLED -> "the last `sliding_window` keys, if `use_sliding_window`";
      case LISTED_WINDOW_IF_ENABLED ->
          "the last `sliding_window` keys in layers of `layer_types`, if `use_sliding_window`";
      case WINDOW_BEHIND ->
          "the last `sliding_window` keys in layers of `layer_types`, or from `max_window_layers`"
              + " on";
      case LISTED_WINDOW ->
          "the last `sliding_window` keys in layers of `layer_types`, or in every second";
      case NAMED_WINDOW -> "the last `sliding_window` keys in layers of `layer_types`";
      case LISTED_CHUNKS ->
          "chunks of `attention_chunk_size` in layers of `layer_types`, or in those with positions";
    };
  }

  private static String norm(QkNorm norm) {
    return switch (norm) {
      case NONE -> "no query and key norm";
      case PER_HEAD -> "query and key norm per head";
      case WHOLE_PROJECTION -> "query and key norm over all heads";
      case PER_HEAD_ROTATED -> "query and key norm per head after the rotation";
      case PER_HEAD_ROTATED_UNWEIGHTED ->
          "query and key norm per head after the rotation, without weights";
    };
  }

  private static String rotary(AttentionRules.Rotary rotary) {
    if (rotary.layers() == AttentionRules.Turned.NONE) {
      return "none";
    }
    List<String> words = new ArrayList<>();
    words.add("rotary, theta " + number(rotary.theta()));
    if (rotary.part() != 1) {
      words.add("on %s of each head".formatted(number(rotary.part())));
    }
    words.add(
        switch (rotary.pairing()) {
          case HALVES -> "halves";
          case NEIGHBOURS -> "neighbours";
        });
    switch (rotary.layers()) {
      case ALL, NONE -> {}
      case LISTED -> words.add("none in layers of `no_rope_layers`, or in every fourth");
      case WINDOWED -> words.add("only in layers with a window, if there is one");
      case ALL_IF_NAMED -> words.add("only if `position_embedding_type` is `rope`");
    }
    return String.join(", ", words);
  }

  private static String number(double value) {
    return value == Math.rint(value) ? "%d".formatted((long) value) : String.valueOf(value);
  }
}
