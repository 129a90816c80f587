package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.testkit.Fixtures;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ModelSummaryTest {

  @Test
  void of_mixtral_countsByHand() {
    long expert = 3 * 64 * 96;
    long attention = 64 * 64 + 2 * 32 * 64 + 64 * 64;
    long layer = 2 * 64 + attention + 8 * 64 + 8 * expert;
    long total = 2 * 320 * 64 + 64 + 2 * layer;
    ModelSummary summary = summary("mixtral");
    assertThat(summary.totalParameters()).isEqualTo(total);
    assertThat(summary.activeParameters()).isEqualTo(total - 2 * 6 * expert);
    assertThat(summary.totalBytes()).isEqualTo(2 * total);
    assertThat(summary.keyValueBytesPerToken()).isEqualTo(2 * 2 * 32 * 4);
    assertThat(summary.layers().get(1))
        .isEqualTo(
            new ModelSummary.Layer(
                1, layer, layer - 6 * expert, 2 * layer, 8, 2, expert, 2 * expert, 0, 2 * 32 * 4));
  }

  @Test
  void of_qwen2Moe_countsSharedExpertAndDenseLayer() {
    ModelSummary summary = summary("qwen2-moe");
    assertThat(summary.layers().getFirst().sharedExpertBytes()).isEqualTo((3 * 64 * 64 + 64) * 2);
    ModelSummary.Layer dense = summary.layers().get(1);
    long parameters = 2 * 64 + (64 * 64 * 2 + 2 * 32 * 64) + (64 + 32 + 32) + 3 * 64 * 96;
    assertThat(dense)
        .isEqualTo(
            new ModelSummary.Layer(
                1, parameters, parameters, 2 * parameters, 0, 0, 0, 0, 0, 2 * 32 * 4));
  }

  @Test
  void of_tiedEmbeddings_countOnce() {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.demoModel())) {
      long all = checkpoint.headers().values().stream().mapToLong(TensorHeader::elementCount).sum();
      assertThat(checkpoint.spec().tiedEmbeddings()).isTrue();
      assertThat(ModelSummary.of(checkpoint).totalParameters()).isEqualTo(all);
    }
  }

  @Test
  void of_missingHeader_namesTheTensor() {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("mixtral"))) {
      assertThatThrownBy(() -> ModelSummary.of(checkpoint.spec(), Map.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("input_layernorm");
    }
  }

  private static ModelSummary summary(String model) {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(model))) {
      return ModelSummary.of(checkpoint);
    }
  }
}
