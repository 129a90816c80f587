package dev.consilium.model.family;

import dev.consilium.model.family.AttentionRules.Rotary;
import dev.consilium.model.family.AttentionRules.Turned;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads the multi-head latent attention of a configuration.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class LatentReader {

  private static final int MAX_HEADS = 4096;
  private static final int MAX_RANK = 1 << 16;
  private static final int MAX_DIM = 1 << 12;
  private static final int MAX_MSCALE = 1000;

  private final LatentRules rules;
  private final ConfigFields fields;
  private final int hidden;
  private final int context;

  /**
   * @param hidden {@code hidden_size}
   * @param context {@code max_position_embeddings}
   */
  LatentReader(LatentRules rules, ConfigFields fields, int hidden, int context) {
    this.rules = rules;
    this.fields = fields;
    this.hidden = hidden;
    this.context = context;
  }

  LatentAttention read() {
    int heads = fields.integer("num_attention_heads", 1, MAX_HEADS);
    int plainDim = fields.integer("qk_nope_head_dim", 1, MAX_DIM);
    int sharedDim = fields.integer("qk_rope_head_dim", 2, MAX_DIM);
    requireSame("num_key_value_heads", heads);
    requireSame("qk_head_dim", plainDim + sharedDim);
    Optional<RotarySpec> rotary = rotary(sharedDim);
    OptionalInt queryRank = fields.optionalInteger("q_lora_rank", 1, MAX_RANK);
    if (rules.scaled() && queryRank.isEmpty()) {
      throw fields.wrong("q_lora_rank", "the width that queries are made of");
    }
    int rank = fields.integer("kv_lora_rank", 1, MAX_RANK);
    return new LatentAttention(
        heads,
        queryRank,
        rank,
        plainDim,
        fields.integer("v_head_dim", 1, MAX_DIM),
        (float) (scale(plainDim + sharedDim, rotary) * factor(queryRank.orElse(hidden))),
        (float) factor(rank),
        sharedDim,
        rotary,
        fields.flag("attention_bias", false),
        (float) rules.normEpsilon());
  }

  /** Of queries, which is as good as one of their products, and of latent vectors. */
  private double factor(int width) {
    return rules.scaled() ? Math.sqrt((double) hidden / width) : 1;
  }

  private Optional<RotarySpec> rotary(int sharedDim) {
    if (!rules.rotated()) {
      fields.ignore(Set.of("head_dim", "rope_parameters", "rope_scaling", "rope_theta"));
      return Optional.empty();
    }
    if (sharedDim % 2 != 0) {
      throw fields.wrong("qk_rope_head_dim", "an even number");
    }
    requireSame("head_dim", sharedDim);
    RotaryPairing pairing =
        fields.flag("rope_interleave", true) ? RotaryPairing.NEIGHBOURS : RotaryPairing.HALVES;
    Rotary turned = new Rotary(rules.ropeTheta(), 1, pairing, Turned.ALL);
    RotarySpec rotary = new RotaryReader(fields, turned, sharedDim, context).read();
    if (rotary.rotaryDim() != sharedDim) {
      throw fields.wrong("partial_rotary_factor", "1, as qk_rope_head_dim says what is rotated");
    }
    return Optional.of(rotary);
  }

  private void requireSame(String field, int value) {
    OptionalInt stated = fields.optionalInteger(field, 1, Integer.MAX_VALUE);
    if (stated.isPresent() && stated.getAsInt() != value) {
      throw fields.wrong(field, value + ", as the other fields say");
    }
  }

  /** With YaRN's factor on whole queries and keys; another is on what is rotated. */
  private double scale(int queryDim, Optional<RotarySpec> rotary) {
    double scale = Math.pow(queryDim, -0.5);
    if (rotary.map(RotarySpec::scaling).orElse(new NoScaling()) instanceof YarnScaling yarn) {
      Optional<ConfigFields> rope =
          fields.object("rope_scaling").or(() -> fields.object("rope_parameters"));
      double allDim =
          rope.flatMap(object -> object.optionalNumber("mscale_all_dim").stream().boxed().findAny())
              .orElse(0.0);
      if (!(allDim >= 0) || allDim > MAX_MSCALE) {
        throw fields.wrong(
            fields.has("rope_scaling") ? "rope_scaling" : "rope_parameters",
            "mscale_all_dim from 0 to " + MAX_MSCALE);
      }
      double magnitude = allDim == 0 ? 1 : RotaryReader.magnitude(yarn.factor(), allDim);
      scale *= magnitude * magnitude;
    }
    return scale;
  }
}
