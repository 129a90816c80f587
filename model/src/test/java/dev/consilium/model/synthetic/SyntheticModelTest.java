package dev.consilium.model.synthetic;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.ModelSummary;
import dev.consilium.model.checkpoint.SpecTensors;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.tokenizer.Tokenizer;
import dev.consilium.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SyntheticModelTest {

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource(SyntheticFamily.class)
  void write_tiny_isAModelOfThatShape(SyntheticFamily family) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(write(family, Quantisation.Q4_K, 1))) {
      ModelSummary summary = ModelSummary.of(checkpoint);
      assertThat(summary.layers()).hasSize(4);
      assertThat(summary.layers().getFirst().experts()).isEqualTo(8);
      assertThat(summary.totalParameters()).isBetween(24_000_000L, 26_000_000L);
      assertThat(checkpoint.tensor("output.weight").dtype()).isEqualTo(DType.Q4_K);
      assertThat(checkpoint.tensor("blk.3.ffn_gate_inp.weight").dtype()).isEqualTo(DType.F32);
      assertThat(checkpoint.generationDefaults().endOfTextTokens()).containsExactly(8191);
    }
  }

  /** All weights, and those of one token without the embedding: what measurements go by. */
  @ParameterizedTest
  @CsvSource({"SMALL, 703, 141", "MEDIUM, 3525, 640"})
  void spec_largerSizes_haveTheWeightsThatTheyAreKnownBy(
      SyntheticShape shape, long all, long active) {
    ModelSpec spec = SyntheticFamily.QWEN3MOE.spec(shape);
    AtomicLong weights = new AtomicLong();
    SpecTensors.visit(
        spec, (name, dims) -> weights.addAndGet(dims.stream().reduce(1L, (a, b) -> a * b)));
    long idle = (shape.experts - shape.topK) * 3L * shape.hidden * shape.intermediate;
    long embedding = (long) shape.vocabulary * shape.hidden;
    assertThat(Math.round(weights.get() / 1e6)).isEqualTo(all);
    long ofOneToken = weights.get() - shape.layers * idle - embedding;
    assertThat(Math.round(ofOneToken / 1e6)).isEqualTo(active);
  }

  @Test
  void write_oneSeed_isOneModelInAnyType() throws IOException {
    float[] exact = gate(write(SyntheticFamily.QWEN3MOE, Quantisation.BF16, 7));
    float[] coarse = gate(write(SyntheticFamily.QWEN3MOE, Quantisation.Q8_0, 7));
    float[] other = gate(write(SyntheticFamily.QWEN3MOE, Quantisation.Q8_0, 8));
    assertThat(correlation(exact, coarse)).isGreaterThan(0.999);
    assertThat(correlation(exact, other)).isCloseTo(0, Offset.offset(0.05));
    double squares = 0;
    for (float weight : exact) {
      squares += weight * weight;
    }
    // Rows of 512 columns: weights of 1 / sqrt(512) keep the size of activations.
    assertThat(squares / exact.length * 512).isCloseTo(1, Offset.offset(0.05));
  }

  @Test
  void write_again_givesTheSameBytes() throws IOException {
    Path first = write(SyntheticFamily.MIXTRAL, Quantisation.Q4_0, 3);
    Path kept = Files.move(first, directory.resolve("kept.gguf"));
    assertThat(Files.mismatch(kept, write(SyntheticFamily.MIXTRAL, Quantisation.Q4_0, 3)))
        .isEqualTo(-1);
  }

  @Test
  void tokenizer_anyText_comesBack() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(write(SyntheticFamily.OLMOE, Quantisation.Q4_0, 1))) {
      String text = "The rain in Spain, 12 €\n\tstays.";
      int[] ids = tokenizer.encode(text, true);
      assertThat(tokenizer.decode(ids, false)).isEqualTo(text);
      assertThat(ids).hasSizeLessThan(text.length());
      assertThat(tokenizer.vocabularySize()).isEqualTo(8192);
      assertThat(tokenizer.eosId()).hasValue(8191);
    }
  }

  private Path write(SyntheticFamily family, Quantisation type, long seed) throws IOException {
    Path file = directory.resolve("%s-%s-%d.gguf".formatted(family, type, seed));
    new SyntheticModel(family, SyntheticShape.TINY, type, seed)
        .write(file, GgufWriter.Progress.NONE);
    return file;
  }

  private static float[] gate(Path file) {
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return checkpoint.tensor("blk.1.ffn_gate_exps.weight[2]").floats();
    }
  }

  private static double correlation(float[] left, float[] right) {
    double product = 0;
    double leftSquares = 0;
    double rightSquares = 0;
    for (int i = 0; i < left.length; i++) {
      product += (double) left[i] * right[i];
      leftSquares += (double) left[i] * left[i];
      rightSquares += (double) right[i] * right[i];
    }
    return product / Math.sqrt(leftSquares * rightSquares);
  }
}
