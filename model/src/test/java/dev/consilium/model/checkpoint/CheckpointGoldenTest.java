package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.family.AllKeys;
import dev.consilium.model.family.AttentionProjections;
import dev.consilium.model.family.AttentionScores;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoScaling;
import dev.consilium.model.family.NoSharedExperts;
import dev.consilium.model.family.QkNorm;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.model.family.SharedExpert;
import dev.consilium.model.family.YarnScaling;
import dev.consilium.testkit.Fixtures;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * The fixtures, which the reference implementation wrote, mean what the reference took them to
 * mean.
 */
final class CheckpointGoldenTest {

  static final List<String> MODELS = Fixtures.MODELS;

  @ParameterizedTest
  @FieldSource("MODELS")
  void open_everyFixture_hasAllTensorsAndAStableFingerprint(String name) {
    try (Checkpoint one = Checkpoint.open(Fixtures.model(name));
        Checkpoint two = Checkpoint.open(Fixtures.model(name))) {
      assertThat(one.fingerprint()).hasSize(64).isEqualTo(two.fingerprint());
    }
  }

  @Test
  void fingerprint_differentModels_differ() {
    List<String> all =
        Fixtures.MODELS.stream()
            .map(name -> {
              try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(name))) {
                return checkpoint.fingerprint();
              }
            })
            .toList();
    assertThat(all).doesNotHaveDuplicates();
  }

  @Test
  void spec_mixtral_isRead() {
    ModelSpec spec = spec("mixtral");
    assertThat(spec.family()).isEqualTo("mixtral");
    assertThat(spec.hiddenSize()).isEqualTo(64);
    assertThat(spec.vocabularySize()).isEqualTo(320);
    assertThat(spec.contextLength()).isEqualTo(512);
    assertThat(spec.normEpsilon()).isEqualTo(1e-5f);
    assertThat(spec.tiedEmbeddings()).isFalse();
    assertThat(spec.tokens().endOfText()).containsExactly(2);
    assertThat(spec.tokens().beginOfText()).hasValue(1);
    assertThat(spec.layers()).hasSize(2);
    assertThat(spec.layers().get(1).attention())
        .isEqualTo(
            new GroupedQueryAttention(
                4,
                2,
                16,
                Optional.of(new RotarySpec(16, 1e6, new NoScaling())),
                QkNorm.NONE,
                new AllKeys(),
                new AttentionScores(0.25f),
                AttentionProjections.PLAIN));
    assertThat(spec.layers().get(1).feedForward())
        .isEqualTo(
            new MixtureOfExperts(
                new GateSpec(8, 2, new GateScore.SoftmaxOfAll(), new GateRenormalisation.BySum()),
                96,
                new NoSharedExperts()));
  }

  @Test
  void spec_mixtralSwa_everyLayerHasTheWindow() {
    assertThat(attentions(spec("mixtral-swa")))
        .hasSize(3)
        .allSatisfy(attention -> assertThat(attention.slidingWindow()).hasValue(16));
  }

  @Test
  void spec_qwen2Moe_hasBiasesASharedExpertAndADenseLayer() {
    ModelSpec spec = spec("qwen2-moe");
    assertThat(attentions(spec))
        .hasSize(4)
        .allSatisfy(attention -> {
          assertThat(attention.queryKeyValueBias()).isTrue();
          assertThat(attention.outputBias()).isFalse();
          assertThat(attention.slidingWindow()).isEmpty();
        });
    MixtureOfExperts experts =
        new MixtureOfExperts(
            new GateSpec(8, 4, new GateScore.SoftmaxOfAll(), new GateRenormalisation.None()),
            32,
            new SharedExpert(64, true));
    assertThat(spec.layers())
        .extracting(layer -> layer.feedForward())
        .containsExactly(experts, new DenseFeedForward(96), experts, experts);
    assertThat(spec.expertLayers()).extracting(layer -> layer.index()).containsExactly(0, 2, 3);
  }

  @Test
  void spec_qwen3Moe_hasHeadsWiderThanTheHiddenSizeGives() {
    GroupedQueryAttention attention = attentions(spec("qwen3-moe")).getFirst();
    assertThat(attention.headDim()).isEqualTo(32);
    assertThat(attention.queryWidth()).isEqualTo(128);
    assertThat(attention.keyValueWidth()).isEqualTo(64);
    assertThat(attention.qkNorm()).isEqualTo(QkNorm.PER_HEAD);
    assertThat(attention.scale()).isEqualTo((float) (1 / Math.sqrt(32)));
  }

  @Test
  void spec_qwen3MoeYarn_isScaledByTheStatedFactor() {
    ModelSpec spec = spec("qwen3-moe-yarn");
    assertThat(attentions(spec).getFirst().rotary())
        .hasValue(
            new RotarySpec(
                16, 1e6, new YarnScaling(4, 16, 32, 1, true, 0.1 * StrictMath.log(4) + 1)));
    // Stretched, the trained context of 16 is 64: less than what the configuration states.
    assertThat(spec.contextLength()).isEqualTo(512);
  }

  @Test
  void spec_qwen3MoeRopeParameters_readsTheNewerForm() {
    ModelSpec spec = spec("qwen3-moe-rope-parameters");
    assertThat(spec.tiedEmbeddings()).isTrue();
    assertThat(spec.headName()).isEqualTo("model.embed_tokens.weight");
    GroupedQueryAttention attention = attentions(spec).getFirst();
    assertThat(attention.headDim()).isEqualTo(24);
    assertThat(attention.rotary()).hasValue(new RotarySpec(24, 5e5, new NoScaling()));
    assertThat(((MixtureOfExperts) spec.layers().getFirst().feedForward()).gate().expertCount())
        .isEqualTo(6);
  }

  @Test
  void spec_olmoe_normsTheWholeProjection() {
    ModelSpec spec = spec("olmoe");
    assertThat(attentions(spec).getFirst().qkNorm()).isEqualTo(QkNorm.WHOLE_PROJECTION);
    assertThat(attentions(spec).getFirst().kvHeads()).isEqualTo(4);
    assertThat(spec.layers().getFirst().feedForward())
        .isEqualTo(
            new MixtureOfExperts(
                new GateSpec(16, 4, new GateScore.SoftmaxOfAll(), new GateRenormalisation.None()),
                32,
                new NoSharedExperts()));
  }

  @Test
  void generationDefaults_demoModel_areRead() {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.demoModel())) {
      assertThat(checkpoint.generationDefaults())
          .isEqualTo(
              new GenerationDefaults(
                  List.of(4095, 4093),
                  OptionalDouble.of(0.8),
                  OptionalInt.of(40),
                  OptionalDouble.of(0.95),
                  OptionalDouble.empty(),
                  OptionalDouble.empty(),
                  OptionalInt.of(256)));
    }
  }

  @Test
  void stackedMatrix_queryKeyValue_holdsTheRowsInOrder() {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("mixtral"))) {
      String q = "model.layers.0.self_attn.q_proj.weight";
      String k = "model.layers.0.self_attn.k_proj.weight";
      try (StackedMatrix stacked =
          checkpoint.stackedMatrix(64, List.of(new MatrixPart(q, 64), new MatrixPart(k, 32)))) {
        assertThat(stacked.rows()).isEqualTo(96);
        assertRow(row(stacked, 63), checkpoint.tensor(q).floats(), 63);
        assertRow(row(stacked, 64), checkpoint.tensor(k).floats(), 0);
        assertRow(row(stacked, 95), checkpoint.tensor(k).floats(), 31);
      }
    }
  }

  @Test
  void golden_inputIds_areIntegersWithinTheVocabulary() {
    try (SafetensorsFile golden =
        SafetensorsFile.open(Fixtures.model("mixtral").resolve("golden.safetensors"))) {
      long[] ids = golden.tensor("input_ids").integers();
      assertThat(ids).isNotEmpty();
      assertThat(golden.tensor("logits").shape()).containsExactly((long) ids.length, 320L);
      for (long id : ids) {
        assertThat(id).isBetween(0L, 319L);
      }
    }
  }

  private static float[] row(StackedMatrix matrix, int row) {
    float[] found = new float[64];
    matrix.unpackRow(row, found);
    return found;
  }

  private static void assertRow(float[] found, float[] values, int sourceRow) {
    float[] wanted = new float[64];
    System.arraycopy(values, sourceRow * 64, wanted, 0, 64);
    assertThat(found).isEqualTo(wanted);
  }

  private static List<GroupedQueryAttention> attentions(ModelSpec spec) {
    return spec.layers().stream()
        .map(layer -> layer.attention())
        .flatMap(attention -> Stream.of((GroupedQueryAttention) attention))
        .toList();
  }

  private static ModelSpec spec(String fixture) {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(fixture))) {
      return checkpoint.spec();
    }
  }
}
