package dev.consilium.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlacementPlanPropertyTest {

  @Test
  void experts_anyModelAndNodeCount_holdsEachExpertOnceAndBalanced() {
    Random random = new Random(Seeds.seed());
    for (int round = 0; round < 300; round++) {
      SortedMap<Integer, Integer> counts = randomModel(random);
      int nodes = 1 + random.nextInt(9);
      Set<List<Integer>> seen = new HashSet<>();
      List<Integer> sizes = new ArrayList<>();
      for (int node = 0; node < nodes; node++) {
        int[] size = {0};
        PlacementPlan.experts(new Share(node, nodes), counts)
            .forEach((layer, experts) ->
                experts.forEach(expert -> {
                  assertThat(expert).isBetween(0, counts.getOrDefault(layer, 0) - 1);
                  assertThat(seen.add(List.of(layer, expert))).isTrue();
                  size[0]++;
                }));
        sizes.add(size[0]);
      }
      assertThat(seen).hasSize(counts.values().stream().mapToInt(Integer::intValue).sum());
      assertThat(Collections.max(sizes) - Collections.min(sizes)).isLessThanOrEqualTo(1);
    }
  }

  private static SortedMap<Integer, Integer> randomModel(Random random) {
    SortedMap<Integer, Integer> counts = new TreeMap<>();
    for (int layer = 0; layer < 1 + random.nextInt(6); layer++) {
      if (random.nextInt(4) > 0) {
        counts.put(layer, 1 + random.nextInt(20));
      }
    }
    return counts;
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "1", "2/2", "-1/2", "0/0", "a/b", "0/2/3", "0/9999999999"})
  void share_malformed_isRefusedWithExample(String text) {
    assertThatThrownBy(() -> Share.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("share is");
  }

  @Test
  void share_wellFormed_isRead() {
    assertThat(Share.parse(" 1/2 ")).isEqualTo(new Share(1, 2));
  }
}
