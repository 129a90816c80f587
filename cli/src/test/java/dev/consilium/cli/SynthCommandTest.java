package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is in a synthetic model is tested where it is made. */
class SynthCommandTest {

  @TempDir private Path directory;
  private Path file;

  @BeforeEach
  void nameAFile() {
    file = directory.resolve("tiny.gguf");
  }

  @Test
  void synth_tiny_writesAModelOfThatFamilyAndType() throws IOException {
    Ran ran = synth("--size", "tiny", "--arch", "mixtral", "--type", "q4_0");
    assertThat(ran.status()).as(ran.errors()).isZero();
    assertThat(ran.output()).contains("wrote " + file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertThat(checkpoint.spec().family()).isEqualTo("mixtral");
      assertThat(checkpoint.tensor("output.weight").dtype()).isEqualTo(DType.Q4_0);
    }
    assertThat(files()).containsExactly(file);
  }

  @Test
  void synth_otherSeed_writesOtherWeights() throws IOException {
    Path other = directory.resolve("other.gguf");
    synth("--size", "tiny");
    assertThat(Ran.command("synth", other.toString(), "--size", "tiny", "--seed", "2").status())
        .isZero();
    assertThat(Files.size(other)).isEqualTo(Files.size(file));
    assertThat(Files.mismatch(file, other)).isPositive();
  }

  @Test
  void synth_fileExists_replacesItOnlyWhenTold() throws IOException {
    Files.writeString(file, "precious");
    Ran refused = synth("--size", "tiny");
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.complaints()).singleElement().asString().contains("exists", "--force");
    assertThat(file).hasContent("precious");

    Ran forced = synth("--size", "tiny", "--force");
    assertThat(forced.status()).as(forced.errors()).isZero();
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertThat(checkpoint.spec().family()).isEqualTo("qwen3_moe");
    }
  }

  @Test
  void synth_directoryMissing_saysSoAndMakesNone() {
    Path lost = directory.resolve("none/tiny.gguf");
    Ran ran = Ran.command("synth", lost.toString(), "--size", "tiny");
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.complaints())
        .singleElement()
        .asString()
        .contains(lost.toString(), "in no directory that exists");
    assertThat(lost.getParent()).doesNotExist();
  }

  static Stream<Arguments> wrongOptions() {
    return Stream.of(
        Arguments.of(List.of("--type", "q3_k"), List.of("--type", "q3_k", "Q4_K")),
        Arguments.of(List.of("--size", "huge"), List.of("--size", "huge", "MEDIUM")),
        Arguments.of(List.of("--arch", "llama"), List.of("--arch", "llama", "OLMOE")),
        Arguments.of(List.of("--seed", "x"), List.of("--seed", "'x'")));
  }

  @ParameterizedTest
  @MethodSource("wrongOptions")
  void synth_wrongOption_saysWhatThereIsAndWritesNothing(List<String> options, List<String> words)
      throws IOException {
    Ran ran = synth(options.toArray(String[]::new));
    assertThat(ran.status()).isEqualTo(2);
    assertThat(ran.complaints().getFirst()).contains(words);
    assertThat(files()).isEmpty();
  }

  private Ran synth(String... options) {
    return Ran.command(
        Stream.concat(Stream.of("synth", file.toString()), Stream.of(options))
            .toArray(String[]::new));
  }

  /** Everything in the directory, so also what was left unfinished. */
  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.list(directory)) {
      return all.toList();
    }
  }
}
