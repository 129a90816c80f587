package dev.consilium.router.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSelection;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.GateWeighting;
import dev.consilium.router.gating.ExpertChoices;
import dev.consilium.router.gating.GatingNetwork;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class ExpertWorkTest {
  /** Token 0 chooses experts 3, 1; token 1 experts 1, 0; token 2 experts 3, 0. */
  private static final ExpertChoices CHOICES =
      choices(new float[][] {{0, 2, -1, 3}, {1, 2, -1, -2}, {2, 0, -1, 3}});

  @Test
  void of_choices_groupsTokensByExpertAscending() {
    List<ExpertTokens> work = ExpertWork.of(CHOICES, new BitSet());
    assertThat(work.stream().map(ExpertWorkTest::tokens))
        .containsExactly("0: [1, 2]", "1: [0, 1]", "3: [0, 2]");
  }

  @Test
  void of_choices_weightsFollowTheirTokens() {
    List<ExpertTokens> work = ExpertWork.of(CHOICES, new BitSet());
    assertThat(work.get(1).weight(0)).isEqualTo(CHOICES.weight(0, 1)); // expert 1, token 0
    assertThat(work.get(1).weight(1)).isEqualTo(CHOICES.weight(1, 0)); // expert 1, token 1
    assertThat(work.get(2).weight(1)).isEqualTo(CHOICES.weight(2, 0)); // expert 3, token 2
  }

  @Test
  void of_tokensLeftOut_areInNoWork() {
    BitSet leftOut = new BitSet();
    leftOut.set(1);
    List<ExpertTokens> work = ExpertWork.of(CHOICES, leftOut);
    assertThat(work.stream().map(ExpertWorkTest::tokens))
        .containsExactly("0: [2]", "1: [0]", "3: [0, 2]");
  }

  @Test
  void of_everyTokenLeftOut_isEmpty() {
    BitSet leftOut = new BitSet();
    leftOut.set(0, 3);
    assertThat(ExpertWork.of(CHOICES, leftOut)).isEmpty();
  }

  @Test
  void of_identities_areInNoWork() {
    GateSpec gate =
        new GateSpec(
            2,
            2,
            2,
            false,
            new GateScore.SoftmaxOfAll(),
            GateSelection.LARGEST,
            new GateWeighting(new GateRenormalisation.None(), 1));
    ExpertChoices choices =
        choices(gate, new float[][] {{0, 2, -1, 3}, {1, 2, -1, -2}, {2, 0, 4, 3}});
    assertThat(ExpertWork.of(choices, new BitSet()).stream().map(ExpertWorkTest::tokens))
        .containsExactly("0: [1]", "1: [0, 1]");
    assertThat(choices.identity(0, 0)).isTrue();
    assertThat(choices.identity(0, 1)).isFalse();
  }

  private static String tokens(ExpertTokens work) {
    List<Integer> tokens = new ArrayList<>();
    for (int place = 0; place < work.count(); place++) {
      tokens.add(work.token(place));
    }
    return work.expert() + ": " + tokens;
  }

  private static ExpertChoices choices(float[][] logits) {
    return choices(
        new GateSpec(4, 2, new GateScore.SoftmaxOfAll(), new GateRenormalisation.None()), logits);
  }

  private static ExpertChoices choices(GateSpec gate, float[][] logits) {
    F32Matrix matrix = F32Matrix.allocate(logits.length, 4);
    for (int token = 0; token < logits.length; token++) {
      matrix.writeRow(token, logits[token]);
    }
    try (CpuDevice device = new CpuDevice(1)) {
      return new GatingNetwork(gate).choose(device, matrix, logits.length);
    }
  }
}
