package dev.consilium.model.family;

import dev.consilium.model.family.FeedForwardRules.GateNormalisation;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads the feed-forward block of every layer.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class FeedForwardReader {

  private static final int MAX_INTERMEDIATE = 1 << 22;
  private static final int MAX_EXPERTS = 1 << 14;

  private final FeedForwardRules rules;
  private final ConfigFields fields;

  FeedForwardReader(FeedForwardRules rules, ConfigFields fields) {
    this.rules = rules;
    this.fields = fields;
  }

  /** The feed-forward block of each layer. */
  List<FeedForwardSpec> read(int layers) {
    MixtureOfExperts experts = experts();
    List<FeedForwardSpec> all = new ArrayList<>();
    switch (rules.layers()) {
      case ALL_EXPERTS -> {
        for (int i = 0; i < layers; i++) {
          all.add(experts);
        }
      }
      case SPARSE_STEP -> {
        int step = fields.optionalInteger("decoder_sparse_step", 1, Integer.MAX_VALUE).orElse(1);
        Set<Integer> denseLayers = Set.copyOf(fields.integers("mlp_only_layers", 0, layers - 1));
        boolean anyDense = step > 1 || !denseLayers.isEmpty();
        FeedForwardSpec dense = anyDense ? dense() : experts;
        fields.ignore(Set.of("intermediate_size"));
        for (int i = 0; i < layers; i++) {
          all.add((i + 1) % step != 0 || denseLayers.contains(i) ? dense : experts);
        }
      }
    }
    return all;
  }

  private DenseFeedForward dense() {
    return new DenseFeedForward(fields.integer("intermediate_size", 1, MAX_INTERMEDIATE));
  }

  private MixtureOfExperts experts() {
    int count = expertCount();
    int topK = fields.integer("num_experts_per_tok", 1, MAX_EXPERTS);
    if (topK > count) {
      throw fields.wrong("num_experts_per_tok", "at most the number of experts, which is " + count);
    }
    boolean normalised =
        rules.gateNormalisation() == GateNormalisation.ALWAYS
            || fields.flag("norm_topk_prob", false);
    return new MixtureOfExperts(
        new GateSpec(
            count,
            topK,
            GateScore.SOFTMAX_ALL,
            normalised ? GateRenormalisation.SUM : GateRenormalisation.NONE,
            1f),
        fields.integer(rules.expertSizeField(), 1, MAX_INTERMEDIATE),
        sharedExperts());
  }

  /** The reference's releases write either name. */
  private int expertCount() {
    OptionalInt local = fields.optionalInteger("num_local_experts", 1, MAX_EXPERTS);
    if (local.isEmpty()) {
      return fields.integer("num_experts", 1, MAX_EXPERTS);
    }
    int count = fields.optionalInteger("num_experts", 1, MAX_EXPERTS).orElse(local.getAsInt());
    if (count != local.getAsInt()) {
      throw fields.wrong(
          "num_experts", "the same as num_local_experts, which is " + local.getAsInt());
    }
    return count;
  }

  private SharedExperts sharedExperts() {
    return rules.sharedExpert()
        ? new SharedExpert(
            fields.integer("shared_expert_intermediate_size", 1, MAX_INTERMEDIATE), true)
        : new NoSharedExperts();
  }
}
