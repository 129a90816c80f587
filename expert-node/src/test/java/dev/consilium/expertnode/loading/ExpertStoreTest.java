package dev.consilium.expertnode.loading;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.consilium.expertnode.FakeWeights;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class ExpertStoreTest {

  private static final Progress GO_ON = (_, _, _) -> true;

  private final FakeWeights weights = new FakeWeights();
  private final ExpertStore store =
      new ExpertStore("node-a", weights, new TreeMap<>(Map.of(3, 8)), 400, 1);

  @Test
  void change_load_isInForceAtOnceUnderNextEpoch() throws AssignException {
    HeldExperts after =
        store.change(
            order(experts(1, 2), experts()),
            (_, _, _) -> {
              assertThat(store.held().count()).isZero();
              return true;
            });
    assertThat(after.epoch()).isEqualTo(2);
    assertThat(store.held().ofLayer(3)).containsExactly(1, 2);
    assertThat(weights.loaded).containsExactlyInAnyOrder("3/1", "3/2");
  }

  @Test
  void change_toWhatIsSo_keepsEpoch() throws AssignException {
    store.change(order(experts(1), experts()), GO_ON);
    assertThat(store.change(order(experts(1), experts(5)), GO_ON).epoch()).isEqualTo(2);
  }

  @Test
  void change_dropAndLoad_raisesEpochOnce() throws AssignException {
    store.change(order(experts(1), experts()), GO_ON);
    HeldExperts after = store.change(order(experts(2), experts(1)), GO_ON);
    assertThat(after.epoch()).isEqualTo(3);
    assertThat(after.ofLayer(3)).containsExactly(2);
    assertThat(weights.loaded).containsExactly("3/2");
  }

  @Test
  void change_overBudget_namesBytesAndLoadsNothing() {
    AssignException refused = refused(order(experts(0, 1, 2, 3, 4), experts()), GO_ON);
    assertThat(refused.code()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(refused)
        .hasMessageContaining("5 experts take 500 bytes")
        .hasMessageContaining("400 bytes left");
    assertThat(weights.loaded).isEmpty();
  }

  @Test
  void change_loadFails_isUndone() throws AssignException {
    store.change(order(experts(7), experts()), GO_ON);
    weights.failOn = "3/2";
    AssignException refused = refused(order(experts(1, 2, 3), experts(7)), GO_ON);
    assertThat(refused.code()).isEqualTo(Status.Code.INTERNAL);
    assertThat(refused).hasMessageContaining("cannot read 3/2");
    assertThat(weights.loaded).containsExactly("3/7");
    assertThat(store.held().epoch()).isEqualTo(2);
    assertThat(store.held().ofLayer(3)).containsExactly(7);
  }

  @Test
  void change_callerGoesAway_isUndone() {
    AssignException refused =
        refused(order(experts(1, 2, 3), experts()), (loaded, _, _) -> loaded < 2);
    assertThat(refused.code()).isEqualTo(Status.Code.CANCELLED);
    assertThat(weights.loaded).isEmpty();
    assertThat(store.held().epoch()).isEqualTo(1);
  }

  @Test
  void change_duringAnother_isAborted() throws AssignException {
    List<AssignException> second = new ArrayList<>();
    store.change(
        order(experts(1), experts()),
        (_, _, _) -> {
          second.add(refused(order(experts(2), experts()), GO_ON));
          return true;
        });
    assertThat(second).extracting(AssignException::code).containsOnly(Status.Code.ABORTED);
    assertThat(store.held().ofLayer(3)).containsExactly(1);
  }

  @Test
  void change_unknownExpertOrLayer_isInvalid() {
    assertThat(refused(order(experts(8), experts()), GO_ON))
        .hasMessageContaining("layer 3 experts 8 were named, but the model has 8");
    assertThat(refused(order(experts(), experts(-1)), GO_ON).code())
        .isEqualTo(Status.Code.INVALID_ARGUMENT);
    SortedMap<Integer, NavigableSet<Integer>> noLayer =
        new TreeMap<>(Map.of(4, new TreeSet<>(List.of(0))));
    assertThat(refused(new AssignOrder(noLayer, experts(), OptionalLong.empty()), GO_ON))
        .hasMessageContaining("layer 4");
  }

  @Test
  void change_loadAndDropOfSame_isInvalid() {
    assertThat(refused(order(experts(1, 2), experts(2)), GO_ON))
        .hasMessageContaining("experts 2 are both");
  }

  @Test
  void hold_afterChange_isEmpty() throws AssignException {
    HeldExperts before = store.change(order(experts(1), experts()), GO_ON);
    assertThat(store.hold(before, 3, List.of())).isPresent();
    store.change(order(experts(2), experts()), GO_ON);
    assertThat(store.hold(before, 3, List.of())).isEmpty();
  }

  @Test
  void ranges_gaps_areShown() {
    assertThat(HeldExperts.ranges(new TreeSet<>(List.of(0, 1, 2, 5, 7, 8))))
        .isEqualTo("experts 0-2,5,7-8");
    assertThat(HeldExperts.ranges(new TreeSet<>())).isEqualTo("no experts");
  }

  private AssignException refused(AssignOrder order, Progress progress) {
    return catchThrowableOfType(AssignException.class, () -> store.change(order, progress));
  }

  private static AssignOrder order(
      SortedMap<Integer, NavigableSet<Integer>> load,
      SortedMap<Integer, NavigableSet<Integer>> drop) {
    return new AssignOrder(load, drop, OptionalLong.empty());
  }

  private static SortedMap<Integer, NavigableSet<Integer>> experts(Integer... experts) {
    return new TreeMap<>(Map.of(3, new TreeSet<>(List.of(experts))));
  }
}
