package dev.consilium.model.expert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.testkit.Fixtures;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class ExpertBankTest {

  private static final ExpertId FIRST = new ExpertId(0, 0);
  private static final ExpertId SECOND = new ExpertId(0, 1);

  private final Checkpoint checkpoint = Checkpoint.open(Fixtures.model("qwen2-moe"));
  private final ExpertBank bank = new ExpertBank(checkpoint);

  @AfterEach
  void close() {
    bank.close();
    checkpoint.close();
  }

  @Test
  void load_twoExperts_holdsThoseAndTheirBytes() {
    bank.load(List.of(SECOND, FIRST));
    assertThat(bank.held()).containsExactly(FIRST, SECOND);
    assertThat(bank.holds(new ExpertId(0, 2))).isFalse();
    assertThat(bank.memoryBytes()).isEqualTo(2 * ExpertBank.expertBytes(checkpoint, 0));
  }

  @Test
  void expertBytes_paddedPanels_countAsHeld() {
    // gate and up: 2 * 32 rows of 64, one panel of 64 rows; down: 64 rows of 32; bf16.
    assertThat(ExpertBank.expertBytes(checkpoint, 0)).isEqualTo((64 * 64 + 64 * 32) * 2);
  }

  @Test
  void load_expertThatIsThere_isNotLoadedTwice() {
    bank.load(List.of(FIRST));
    bank.load(List.of(FIRST, FIRST));
    assertThat(bank.memoryBytes()).isEqualTo(ExpertBank.expertBytes(checkpoint, 0));
  }

  @Test
  void load_nobodyWantsMore_endsWithThoseBegun() {
    List<ExpertId> all = IntStream.range(0, 8).mapToObj(index -> new ExpertId(0, index)).toList();
    Set<ExpertId> told = ConcurrentHashMap.newKeySet();
    bank.load(
        all,
        id -> {
          told.add(id);
          return false;
        });
    assertThat(bank.held()).containsExactlyInAnyOrderElementsOf(told);
    assertThat(told).hasSizeBetween(1, Runtime.getRuntime().availableProcessors());
  }

  @Test
  void load_noSuchExpert_namesItAndLoadsNothing() {
    assertThatThrownBy(() -> bank.load(List.of(FIRST, new ExpertId(0, 8))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("layer 0 expert 8 does not exist: layer 0 has experts 0 to 7");
    assertThatThrownBy(() -> bank.load(List.of(new ExpertId(4, 0))))
        .hasMessage("layer 4 does not exist: the model has layers 0 to 3");
    assertThatThrownBy(() -> bank.load(List.of(new ExpertId(-1, 0))))
        .hasMessageContaining("layer -1 does not exist");
    assertThatThrownBy(() -> bank.load(List.of(new ExpertId(1, 0))))
        .hasMessage("layer 1 is dense and has no experts");
    assertThat(bank.held()).isEmpty();
  }

  @Test
  void load_layerThatOnlyMixes_isRefused() {
    try (Checkpoint single = Checkpoint.open(Fixtures.model("nemotron_h"));
        ExpertBank ofSingle = new ExpertBank(single)) {
      assertThatThrownBy(() -> ofSingle.load(List.of(new ExpertId(0, 0))))
          .hasMessage("layer 0 only mixes tokens and has no experts");
    }
  }

  @Test
  void drop_expertInUse_freesItWhenTheLastUseEnds() {
    bank.load(List.of(FIRST, SECOND));
    long one = ExpertBank.expertBytes(checkpoint, 0);
    ExpertBank.Lease early = bank.acquire(List.of(FIRST));
    ExpertBank.Lease late = bank.acquire(List.of(FIRST, SECOND));
    BlockWeights weights = late.weights(0);
    bank.drop(List.of(FIRST));
    assertThat(bank.holds(FIRST)).isFalse();
    early.close();
    early.close();
    assertThat(bank.memoryBytes()).isEqualTo(2 * one);
    weights.down().unpackRow(0, new float[32]);
    late.close();
    assertThat(bank.memoryBytes()).isEqualTo(one);
    assertThatThrownBy(() -> weights.down().unpackRow(0, new float[32]))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void acquire_missingExperts_namesThemAndKeepsNone() {
    bank.load(List.of(FIRST));
    ExpertId missing = new ExpertId(2, 7);
    assertThatThrownBy(() -> bank.acquire(List.of(FIRST, missing)))
        .isInstanceOfSatisfying(
            ExpertsNotHeldException.class, e -> assertThat(e.missing()).containsExactly(missing))
        .hasMessageContaining("layer 2 expert 7");
    bank.drop(List.of(FIRST));
    assertThat(bank.memoryBytes()).isZero();
  }

  @Test
  void close_whileInUse_freesAfterTheUseAndRefusesMore() {
    bank.load(List.of(FIRST));
    ExpertBank.Lease lease = bank.acquire(List.of(FIRST));
    bank.close();
    assertThat(bank.memoryBytes()).isEqualTo(ExpertBank.expertBytes(checkpoint, 0));
    lease.close();
    assertThat(bank.memoryBytes()).isZero();
    assertThatThrownBy(() -> bank.acquire(List.of())).hasMessageContaining("closed");
    assertThatThrownBy(() -> bank.load(List.of(FIRST))).hasMessageContaining("closed");
    assertThat(bank.memoryBytes()).isZero();
  }

  @Test
  void loadAndDrop_whileOthersUse_neverFreesWhatIsInUse() throws Exception {
    List<ExpertId> ids = allExperts(checkpoint.spec());
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Callable<Integer>> tasks = new ArrayList<>();
      for (int worker = 0; worker < 2; worker++) {
        tasks.add(() -> churn(ids, 20));
        tasks.add(() -> use(ids, 2000));
      }
      for (Future<Integer> done : threads.invokeAll(tasks)) {
        assertThat(done.get()).isGreaterThanOrEqualTo(0);
      }
    }
    bank.drop(ids);
    assertThat(bank.memoryBytes()).isZero();
  }

  private int churn(List<ExpertId> ids, int rounds) {
    for (int i = 0; i < rounds; i++) {
      bank.load(ids);
      bank.drop(ids);
    }
    return rounds;
  }

  /** Reads weights under leases; reading freed memory would throw. */
  private int use(List<ExpertId> ids, int rounds) {
    int served = 0;
    float[] row = new float[32];
    for (int i = 0; i < rounds; i++) {
      ExpertId id = ids.get(i % ids.size());
      try (ExpertBank.Lease lease = bank.acquire(List.of(id))) {
        lease.weights(0).down().unpackRow(i % 64, row);
        served++;
      } catch (ExpertsNotHeldException e) {
        assertThat(e.missing()).containsExactly(id);
      }
    }
    return served;
  }

  static List<ExpertId> allExperts(ModelSpec spec) {
    return spec.expertLayers().stream()
        .flatMap(layer ->
            IntStream.range(0, ((MixtureOfExperts) layer.feedForward()).gate().expertCount())
                .mapToObj(index -> new ExpertId(layer.index(), index)))
        .toList();
  }
}
