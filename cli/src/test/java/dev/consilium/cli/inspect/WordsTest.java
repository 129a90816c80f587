package dev.consilium.cli.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.family.Activation;
import dev.consilium.model.family.AllKeys;
import dev.consilium.model.family.AttentionProjections;
import dev.consilium.model.family.AttentionScores;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.ExpertGroups;
import dev.consilium.model.family.ExpertGroups.GroupScore;
import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSelection;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.GateWeighting;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.KeyChunks;
import dev.consilium.model.family.KeyRange;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.NarrowTokens;
import dev.consilium.model.family.NoFeedForward;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.NoScaling;
import dev.consilium.model.family.QkNorm;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.model.family.SharedExpert;
import dev.consilium.model.family.SlidingWindow;
import dev.consilium.model.family.TemperatureTuning;
import dev.consilium.model.family.YarnScaling;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class WordsTest {

  @Test
  void attention_plain_saysHeadsAndKeys() {
    assertThat(AttentionWords.of(attention(8, new AllKeys(), new AttentionScores(0.25f))))
        .isEqualTo("multi-head: 8 heads of 16; sees all keys");
    assertThat(AttentionWords.of(attention(2, new SlidingWindow(128), new AttentionScores(0.25f))))
        .isEqualTo(
            "grouped-query: 8 heads of 16 share 2 heads of keys and values; sees the last 128"
                + " keys");
    assertThat(AttentionWords.of(attention(1, new KeyChunks(64), new AttentionScores(0.25f))))
        .contains("share one head", "its own chunk of 64 positions");
  }

  @Test
  void attention_unusualScores_areSaid() {
    AttentionScores scores =
        new AttentionScores(0.5f, true, Optional.of(new TemperatureTuning(8192, 0.1)));
    assertThat(AttentionWords.of(attention(2, new AllKeys(), scores)))
        .contains("a learned sink per head", "grow every 8192 positions", "scores times 0.5");
  }

  @Test
  void attention_withoutRotary_saysThatThereAreNoPositions() {
    assertThat(AttentionWords.positions(attention(2, new AllKeys(), new AttentionScores(0.25f))))
        .startsWith("none");
  }

  @Test
  void attention_mamba2_saysStates() {
    float most = Float.POSITIVE_INFINITY;
    assertThat(AttentionWords.of(new Mamba2(8, 1, 128, 64, 4, 1, true, false, 0, most)))
        .isEqualTo(
            "Mamba2: 8 heads with a state of 128 x 64 each, queries and keys of 1; convolution over"
                + " 4 tokens");
  }

  @Test
  void rotary_partAndYarn_areSaid() {
    assertThat(RotaryWords.of(new RotarySpec(8, 1e6, new NoScaling()), 16))
        .isEqualTo("rotary on 8 of the 16 values of a head, halves paired, theta 1000000");
    assertThat(
            RotaryWords.of(new RotarySpec(16, 1e4, new YarnScaling(40, 4096, 32, 1, true, 1)), 16))
        .contains("all values of a head", "YaRN: 40 times the trained context of 4096");
  }

  @Test
  void gate_everyAxis_isSaid() {
    GateSpec gate =
        new GateSpec(
            16,
            4,
            true,
            new GateScore.Sigmoid(),
            new GateSelection(true, Optional.of(new ExpertGroups(8, 4, GroupScore.SUM_OF_TOP_TWO))),
            new GateWeighting(new GateRenormalisation.BySum(), 2.5f, true));
    assertThat(GateWords.of(gate))
        .isEqualTo(
            "sigmoid of each logit with a bias; a correction bias on the choice alone;"
                + " from the best 4 of 8 groups, by the sum of their best two;"
                + " weights renormalised to sum to 1, times 2.5, on the experts' input");
  }

  @Test
  void feedForward_clampedBodyAndShared_areSaid() {
    MixtureOfExperts experts =
        new MixtureOfExperts(
            new GateSpec(8, 2, new GateScore.Sigmoid(), new GateRenormalisation.None()),
            64,
            new BlockBody(new Activation.ClampedSwiGlu(1.702f, 7), true),
            new SharedExpert(128, true));
    assertThat(FeedForwardWords.of(experts))
        .isEqualTo(
            "8 experts, 2 for each token: SwiGLU (alpha 1.702, clamped at 7) of width 64 with"
                + " biases; shared by all tokens: width 128, as 2 of these, weighed by a sigmoid");
  }

  @Test
  void feedForward_narrowWithoutGate_isSaid() {
    BlockBody body = new BlockBody(new Activation.SquaredRelu(), false);
    MixtureOfExperts experts =
        new MixtureOfExperts(
            new GateSpec(8, 2, new GateScore.Sigmoid(), new GateRenormalisation.None()),
            64,
            body,
            new SharedExpert(96, false, new BlockBody(body.activation(), true)),
            Optional.of(new NarrowTokens(24, true)),
            false);
    assertThat(FeedForwardWords.of(experts))
        .isEqualTo(
            "8 experts, 2 for each token: squared ReLU without a gate of width 64, which see 24"
                + " values that a projection with biases makes of a token; shared by all tokens:"
                + " width 96 with biases");
    assertThat(FeedForwardWords.of(new DenseFeedForward(32, body)))
        .isEqualTo("dense: squared ReLU without a gate of width 32");
  }

  @Test
  void feedForward_lateBesideIdentities_isSaid() {
    MixtureOfExperts experts =
        new MixtureOfExperts(
            new GateSpec(
                8,
                4,
                3,
                false,
                new GateScore.SoftmaxOfAll(),
                GateSelection.LARGEST,
                new GateWeighting(new GateRenormalisation.None(), 6)),
            24,
            BlockBody.SWIGLU,
            new SharedExpert(48, false),
            Optional.empty(),
            true);
    assertThat(FeedForwardWords.of(experts))
        .isEqualTo(
            "8 experts and 4 that give the token back as it is, 3 for each token: SwiGLU of width"
                + " 24; shared by all tokens: width 48, as 2 of these; experts' sum is added behind"
                + " the next layer");
  }

  @Test
  void halves_absent_areNone() {
    assertThat(FeedForwardWords.of(new NoFeedForward())).isEqualTo("none");
    assertThat(AttentionWords.of(new NoMixing())).isEqualTo("none");
    assertThat(AttentionWords.positions(new NoMixing())).isEqualTo("none: no token sees another");
  }

  @Test
  void numbers_plain_asPeopleWriteThem() {
    assertThat(Numbers.plain(1_000_000)).isEqualTo("1000000");
    assertThat(Numbers.plain(2.5f)).isEqualTo("2.5");
    assertThat(Numbers.plain(1e-6f)).isEqualTo("0.000001");
    assertThat(Numbers.plain(0.1f)).isEqualTo("0.1");
    assertThat(Numbers.plain(1e-20)).isEqualTo("1E-20");
  }

  private static GroupedQueryAttention attention(
      int kvHeads, KeyRange keys, AttentionScores scores) {
    return new GroupedQueryAttention(
        8, kvHeads, 16, Optional.empty(), QkNorm.NONE, keys, scores, AttentionProjections.PLAIN);
  }
}
