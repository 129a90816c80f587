package dev.consilium.router.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSpec;
import dev.consilium.router.gating.ExpertChoices;
import dev.consilium.router.gating.GatingNetwork;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChosenWeightsTest {
  private final ChosenWeights weights = new ChosenWeights(Map.of(0, 100L, 3, 7L));

  @Test
  void onGate_expertsOfTwoTokensOverlap_countsEachOnce() {
    F32Matrix logits = logits(new float[][] {{9, 8, 0, 0, 0}, {0, 8, 9, 0, 0}});
    weights.onGate(0, logits, choose(logits));
    assertThat(weights.bytes()).isEqualTo(300);
  }

  @Test
  void onGate_anotherLayerOrStep_countsOnlyWhatIsChosenThere() {
    F32Matrix some = logits(new float[][] {{9, 8, 0, 0, 0}});
    F32Matrix others = logits(new float[][] {{0, 0, 0, 8, 9}});
    weights.onGate(0, some, choose(some));
    weights.onGate(3, others, choose(others));
    weights.onGate(0, some, choose(some));
    weights.onGate(0, others, choose(others));
    assertThat(weights.bytes()).isEqualTo(200 + 14 + 200 + 200);
  }

  @Test
  void onGate_layerOfUnknownSize_saysWhich() {
    F32Matrix logits = logits(new float[][] {{9, 8, 0, 0, 0}});
    assertThatThrownBy(() -> weights.onGate(1, logits, choose(logits)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("layer 1");
  }

  private static F32Matrix logits(float[][] rows) {
    F32Matrix logits = F32Matrix.allocate(rows.length, rows[0].length);
    for (int row = 0; row < rows.length; row++) {
      logits.writeRow(row, rows[row]);
    }
    return logits;
  }

  private static ExpertChoices choose(F32Matrix logits) {
    GateSpec spec =
        new GateSpec(
            logits.columns(), 2, new GateScore.SoftmaxOfAll(), new GateRenormalisation.None());
    try (CpuDevice device = new CpuDevice(1)) {
      return new GatingNetwork(spec).choose(device, logits, logits.rows());
    }
  }
}
