package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.testkit.Fixtures;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What people get wrong is told in one line that says what, where and what to do. */
class FailuresIT {

  static Stream<Arguments> wrongCommands() {
    return Stream.of(
        Arguments.of(
            List.of("run", "--model", "/no/such/model", "x"),
            1,
            List.of("/no/such/model", "does not exist")),
        Arguments.of(
            List.of("up", "--model", Fixtures.root().resolve("docs").toString()),
            1,
            List.of("docs", "config.json")),
        Arguments.of(List.of("up", "--nodes", "0"), 1, List.of("--nodes is 0", "expected 1")),
        Arguments.of(List.of("run", "-t", "-1", "x"), 1, List.of("temperature")),
        Arguments.of(
            List.of("run", "--url", "http://127.0.0.1:9", "x"),
            1,
            List.of("127.0.0.1:9", "is a cluster running")));
  }

  @ParameterizedTest
  @MethodSource("wrongCommands")
  void command_cannotBeDone_saysWhyInOneLine(List<String> arguments, int status, List<String> words)
      throws Exception {
    CommandLineProcess.Ended ended = CommandLineProcess.run(arguments.toArray(String[]::new));
    assertThat(ended.status()).as(ended.errors()).isEqualTo(status);
    assertThat(ended.complaints()).singleElement().asString().contains(words);
  }

  @Test
  void up_modelCutOff_quotesTheProcessThatNoticed(@TempDir Path model, @TempDir Path logs)
      throws Exception {
    for (String file :
        List.of(
            "config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json")) {
      Files.copy(Fixtures.demoModel().resolve(file), model.resolve(file));
    }
    byte[] weights = Files.readAllBytes(Fixtures.demoModel().resolve("model.safetensors"));
    Files.write(model.resolve("model.safetensors"), Arrays.copyOf(weights, weights.length / 2));

    CommandLineProcess.Ended ended =
        CommandLineProcess.run(
            "up",
            "--port",
            "0",
            "--grpc-port",
            "0",
            "--model",
            model.toString(),
            "--log-dir",
            logs.toString());

    assertThat(ended.status()).isEqualTo(1);
    assertThat(ended.complaints())
        .singleElement()
        .asString()
        .contains("model.safetensors")
        .contains(logs.toString());
  }
}
