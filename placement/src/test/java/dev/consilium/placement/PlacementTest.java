package dev.consilium.placement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class PlacementTest {

  private static final SortedMap<Integer, Integer> FOUR_IN_LAYER_3 = new TreeMap<>(Map.of(3, 4));

  @Test
  void choose_oneNodeHoldsAll_asksOnlyIt() {
    Placement placement = placement(node("a", 0, 1), node("b", 0, 1, 2, 3), node("c", 2, 3));
    assertThat(placement.choose(3, List.of(3, 0), name -> name.equals("b") ? 1000 : 0))
        .containsExactly(new NodeWork("b", 7, List.of(0, 3)));
  }

  @Test
  void choose_equalHoldings_takesLeastLoadedThenLowestName() {
    Placement placement = placement(node("b", 0, 1, 2, 3), node("a", 0, 1, 2, 3));
    assertThat(placement.choose(3, List.of(1), name -> name.equals("a") ? 5 : 4))
        .extracting(NodeWork::node)
        .containsExactly("b");
    assertThat(placement.choose(3, List.of(1), _ -> 0))
        .extracting(NodeWork::node)
        .containsExactly("a");
  }

  @Test
  void choose_splitExperts_givesEachToItsNode() {
    Placement placement = placement(node("b", 1, 3), node("a", 0, 2));
    assertThat(placement.choose(3, List.of(3, 2, 1, 1), _ -> 0))
        .containsExactly(new NodeWork("a", 7, List.of(2)), new NodeWork("b", 7, List.of(1, 3)));
  }

  @Test
  void choose_expertWithoutReplica_namesLayerExpertsAndNodes() {
    Placement placement = placement(node("a", 0, 2));
    assertThatThrownBy(() -> placement.choose(3, List.of(0, 1, 3), _ -> 0))
        .isInstanceOf(NotPlacedException.class)
        .hasMessageContaining("layer 3 experts [1, 3]")
        .hasMessageContaining("[a]");
  }

  @Test
  void missing_partlyHeld_listsTheRest() {
    assertThat(placement(node("a", 0, 2)).missing())
        .isEqualTo(Map.of(3, new TreeSet<>(List.of(1, 3))));
    assertThat(placement(node("a", 0, 2), node("b", 1, 3)).missing()).isEmpty();
  }

  @Test
  void replicas_twoNodes_haveTheirEpochs() {
    Placement placement = placement(node("b", 1), node("a", 1));
    assertThat(placement.replicas(3, 1))
        .containsExactly(new ExpertReplica("a", 7), new ExpertReplica("b", 7));
    assertThatThrownBy(() -> placement.replicas(3, 4)).hasMessageContaining("does not exist");
    assertThatThrownBy(() -> placement.replicas(2, 0)).hasMessageContaining("does not exist");
  }

  @Test
  void of_sameNameTwice_isRefused() {
    assertThatThrownBy(() -> placement(node("a", 0), node("a", 1)))
        .hasMessageContaining("two nodes are named \"a\"");
  }

  @Test
  void of_expertThatDoesNotExist_isRefused() {
    assertThatThrownBy(() -> placement(node("a", 4))).hasMessageContaining("model has 4");
  }

  private static Placement placement(NodeExperts... nodes) {
    return Placement.of(FOUR_IN_LAYER_3, List.of(nodes));
  }

  private static NodeExperts node(String name, Integer... experts) {
    SortedSet<Integer> held = new TreeSet<>(List.of(experts));
    return new NodeExperts(name, 7, new TreeMap<>(Map.of(3, held)));
  }
}
