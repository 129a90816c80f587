package dev.consilium.cli.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class LayerGroupTest {

  @Test
  void numbers_neighboursAndSteps_areRuns() {
    assertThat(numbers(0)).isEqualTo("0");
    assertThat(numbers(0, 1)).isEqualTo("0-1");
    assertThat(numbers(3, 4, 5, 6)).isEqualTo("3-6");
    assertThat(numbers(0, 2, 4, 6)).isEqualTo("0-6 by 2");
    assertThat(numbers(0, 1, 2, 5, 8, 10, 12)).isEqualTo("0-2, 5, 8-12 by 2");
  }

  /** Two layers apart are no run: nobody would know how it goes on. */
  @Test
  void numbers_twoApart_standAlone() {
    assertThat(numbers(0, 2)).isEqualTo("0, 2");
    assertThat(numbers(1, 7, 9)).isEqualTo("1, 7, 9");
  }

  @Test
  void of_alternatingLayers_twoGroupsInOrder() {
    List<LayerGroup<String>> groups = LayerGroup.of(6, i -> i % 2 == 0 ? "window" : "all");
    assertThat(groups)
        .containsExactly(
            new LayerGroup<>(List.of(0, 2, 4), "window"),
            new LayerGroup<>(List.of(1, 3, 5), "all"));
    assertThat(groups.getFirst().named()).isEqualTo("layers 0-4 by 2");
  }

  private static String numbers(Integer... layers) {
    return new LayerGroup<>(List.of(layers), "").numbers();
  }
}
