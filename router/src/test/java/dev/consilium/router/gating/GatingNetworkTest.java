package dev.consilium.router.gating;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSelection;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.GateWeighting;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GatingNetworkTest {
  private static final Offset<Float> ROUNDING = within(1e-6f);

  @Test
  void choose_equalLogits_picksLowerIndex() {
    ExpertChoices choices = choose(spec(2, new GateScore.SoftmaxOfAll()), 1, 3, 3, 3);
    assertThat(choices.ofToken(0, 0).experts()).containsExactly(1, 2);
  }

  @Test
  void choose_bestExperts_comeFirst() {
    ExpertChoices choices = choose(spec(3, new GateScore.SoftmaxOfAll()), -1, 4, 0.5f, 2);
    assertThat(choices.ofToken(7, 0).experts()).containsExactly(1, 3, 2);
    assertThat(choices.ofToken(7, 0).layer()).isEqualTo(7);
  }

  @Test
  void choose_softmaxOverAll_keepsShareOfAll() {
    ExpertChoices choices = choose(spec(2, new GateScore.SoftmaxOfAll()), 0, 0, 0, 0);
    assertThat(choices.weight(0, 0)).isCloseTo(0.25f, ROUNDING);
    assertThat(choices.weight(0, 1)).isCloseTo(0.25f, ROUNDING);
  }

  @Test
  void choose_softmaxOverChosen_sumsToOne() {
    ExpertChoices choices = choose(spec(2, new GateScore.SoftmaxOfChosen()), 0, 0, 0, 0);
    assertThat(choices.weight(0, 0)).isCloseTo(0.5f, ROUNDING);
  }

  @Test
  void choose_allScoresRoundedToZero_weighsNothing() {
    ExpertChoices choices =
        choose(
            new GateSpec(4, 2, new GateScore.Sigmoid(), new GateRenormalisation.BySum()),
            -200,
            -300,
            -150,
            -400);
    assertThat(choices.ofToken(0, 0).experts()).containsExactly(2, 0);
    assertThat(choices.ofToken(0, 0).weights()).containsExactly(0f, 0f);
  }

  @Test
  void choose_scalingFactor_multipliesAfterRenormalisation() {
    GateSpec spec =
        new GateSpec(
            4,
            2,
            false,
            new GateScore.SoftmaxOfAll(),
            GateSelection.LARGEST,
            new GateWeighting(new GateRenormalisation.BySum(), 2.5f));
    ExpertChoices choices = choose(spec, 0, 0, 0, 0);
    assertThat(choices.weight(0, 0)).isCloseTo(1.25f, ROUNDING);
  }

  @Test
  void choose_largestLogits_doNotOverflow() {
    ExpertChoices choices =
        choose(spec(2, new GateScore.SoftmaxOfAll()), Float.MAX_VALUE, -Float.MAX_VALUE, 0, 0);
    assertThat(choices.expert(0, 0)).isZero();
    assertThat(choices.weight(0, 0)).isEqualTo(1f);
    assertThat(choices.weight(0, 1)).isZero();
  }

  @Test
  void choose_wideMatrix_readsOnlyExpertsAndTokensAskedFor() {
    F32Matrix logits = F32Matrix.allocate(3, 6);
    logits.writeRow(0, new float[] {1, 2, 3, 4, 99, Float.NaN});
    logits.writeRow(1, new float[] {4, 3, 2, 1, 99, Float.NaN});
    logits.writeRow(2, new float[] {Float.NaN, 0, 0, 0, 0, 0});
    ExpertChoices choices = choose(spec(2, new GateScore.SoftmaxOfAll()), logits, 2);
    assertThat(choices.tokens()).isEqualTo(2);
    assertThat(choices.ofToken(0, 0).experts()).isEqualTo(List.of(3, 2));
    assertThat(choices.ofToken(0, 1).experts()).isEqualTo(List.of(0, 1));
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void choose_notFinite_isRefusedNamingTokenAndExpert(float logit) {
    assertThatThrownBy(() -> choose(spec(2, new GateScore.SoftmaxOfAll()), 0, 1, logit, 2))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageContaining("token 0")
        .hasMessageContaining("expert 2")
        .hasMessageContaining(Float.toString(logit));
  }

  private static GateSpec spec(int topK, GateScore score) {
    return new GateSpec(4, topK, score, new GateRenormalisation.None());
  }

  private static ExpertChoices choose(GateSpec spec, float... logits) {
    F32Matrix matrix = F32Matrix.allocate(1, logits.length);
    matrix.writeRow(0, logits);
    return choose(spec, matrix, 1);
  }

  private static ExpertChoices choose(GateSpec spec, F32Matrix logits, int tokens) {
    try (CpuDevice device = new CpuDevice(1)) {
      return new GatingNetwork(spec).choose(device, logits, tokens);
    }
  }
}
