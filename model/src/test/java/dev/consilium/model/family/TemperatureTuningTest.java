package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class TemperatureTuningTest {

  @Test
  void factor_ofPositions_stepsWithTheFloor() {
    TemperatureTuning tuning = new TemperatureTuning(8, 0.1);
    assertThat(tuning.factor(0)).isEqualTo(1f);
    assertThat(tuning.factor(6)).isEqualTo(1f);
    assertThat(tuning.factor(7)).isEqualTo((float) (Math.log(2) * 0.1 + 1));
    assertThat(tuning.factor(14)).isEqualTo(tuning.factor(7));
    assertThat(tuning.factor(39)).isEqualTo((float) (Math.log(6) * 0.1 + 1));
  }
}
