package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** How fast it was is not looked at. */
class BenchCommandTest {
  private static final Path MODEL = Fixtures.model("mixtral");

  @Test
  void bench_listsOfEverything_measuresEachCombination() throws IOException {
    JsonNode report =
        json("-p", "5,40", "-n", "3", "-b", "1,2", "-d", "0,17", "-r", "3", "-t", "2");
    assertThat(names(report))
        .containsExactly(
            "pp5",
            "pp40",
            "tg3",
            "tg3 x 2",
            "pp5 @ d17",
            "pp40 @ d17",
            "tg3 @ d17",
            "tg3 x 2 @ d17");
    for (JsonNode row : report.get("tests")) {
      JsonNode speed = row.get("tokensPerSecond");
      List<Double> values = numbers(speed.get("values")).sorted().toList();
      assertThat(values).hasSize(3).allSatisfy(value -> assertThat(value).isPositive());
      assertThat(speed.get("min").asDouble()).isEqualTo(values.get(0));
      assertThat(speed.get("median").asDouble()).isEqualTo(values.get(1));
      assertThat(speed.get("max").asDouble()).isEqualTo(values.get(2));
    }
  }

  @Test
  void bench_anyModel_saysWhatWasMeasuredAndWhere() throws IOException {
    JsonNode report = json("-p", "1", "-n", "0", "-r", "1", "-t", "1");
    assertThat(report.get("consilium").asText()).isEqualTo(Version.number());
    assertThat(Instant.parse(report.get("started").asText()))
        .isBetween(Instant.now().minusSeconds(600), Instant.now());
    assertThat(report.get("warmUpSeconds").asDouble()).isZero();
    JsonNode machine = report.get("machine");
    assertThat(machine.get("threads").asInt()).isEqualTo(1);
    assertThat(machine.get("kernels").asText()).isNotBlank();
    assertThat(numbers(machine.get("readBytesPerSecondValues")).max(Double::compare))
        .hasValue(machine.get("readBytesPerSecond").asDouble());
    JsonNode model = report.get("model");
    assertThat(model.get("weightType").asText()).isEqualTo("BF16");
    assertThat(model.get("fileBytes").asLong())
        .isEqualTo(Files.size(MODEL.resolve("model.safetensors")));
    JsonNode load = report.get("load");
    assertThat(load.get("readySeconds").asDouble()).isPositive();
    // One block of 16 tokens: keys and values of two heads of 16, in two layers, in f16.
    assertThat(load.get("kvCacheBytes").asLong()).isEqualTo(16 * 2 * 2 * 16 * 2 * 2);
  }

  @Test
  void bench_otherCache_isUsedAndCounted() throws IOException {
    JsonNode load = json("-p", "1", "-n", "0", "-r", "1", "--kv-dtype", "f32").get("load");
    assertThat(load.get("kvCacheBytes").asLong()).isEqualTo(16 * 2 * 2 * 16 * 2 * 4);
  }

  @Test
  void bench_unknownCache_isRefused() {
    Ran ran = Ran.command("bench", MODEL.toString(), "--kv-dtype", "f8");
    assertThat(ran.status()).isNotZero();
    assertThat(ran.complaints())
        .singleElement()
        .asString()
        .contains("--kv-dtype is f8, expected one of [auto, f32, f16, bf16, q8_0]");
  }

  @Test
  void bench_linux_tellsThePeakOfMemory() throws IOException {
    assumeThat(Path.of("/proc/self/status")).exists();
    JsonNode load = json("--load-only").get("load");
    assertThat(load.get("peakMemoryBytes").asLong()).isBetween(10L << 20, 64L << 30);
    assertThat(load.get("peakOverFile").asDouble()).isPositive();
  }

  @Test
  void bench_loadOnly_measuresNothingElse() throws IOException {
    JsonNode report = json("--load-only");
    assertThat(report.get("load").get("weightsSeconds").asDouble()).isPositive();
    assertThat(report.has("tests")).isFalse();
    assertThat(report.get("machine").has("readBytesPerSecond")).isFalse();
  }

  @Test
  void bench_withoutJson_printsARowForEachTest() {
    Ran ran =
        Ran.command(
            "bench",
            "--model",
            MODEL.toString(),
            "-p",
            "4",
            "-n",
            "2",
            "-b",
            "3",
            "-r",
            "1",
            "--warm-up",
            "0",
            "--read-mib",
            "8");
    assertThat(ran.status()).as(ran.errors()).isZero();
    assertThat(ran.output()).contains("mixtral", "GB/s with", "kernels: ");
    assertThat(ran.output().lines().filter(line -> line.startsWith("  pp4 "))).hasSize(1);
    assertThat(ran.output().lines().filter(line -> line.startsWith("  tg2 x 3 "))).hasSize(1);
    assertThat(ran.errors()).contains("bench: tg2 x 3");
  }

  @Test
  void bench_syntheticGguf_measuresIt(@TempDir Path directory) {
    Path file = directory.resolve("tiny.gguf");
    assertThat(Ran.command("synth", file.toString(), "--size", "tiny", "-t", "q4_k").status())
        .isZero();
    Ran ran =
        Ran.command(
            "bench",
            file.toString(),
            "-p",
            "16",
            "-n",
            "2",
            "-r",
            "1",
            "--warm-up",
            "0",
            "--read-mib",
            "8");
    assertThat(ran.status()).as(ran.errors()).isZero();
    assertThat(ran.output()).contains("Q4_K", "pp16", "tg2");
  }

  @Test
  void bench_tinyModel_countsTheBytesOfAStep() throws IOException {
    JsonNode report = json("-p", "0", "-n", "4", "-r", "1", "-t", "1");
    JsonNode row = report.get("tests").get(0);
    // As SpeedTestTest counts them: two layers of attention, gate and two chosen experts; the head.
    long attention = 128 * 64 * 2 + 64 * 64 * 2;
    long expert = 192 * 64 * 2 + 64 * 96 * 2;
    assertThat(row.get("weightBytesPerStep").asLong())
        .isEqualTo(2 * (attention + 64 * 64 * 2 + 2 * expert) + 320 * 64 * 2);
    double share =
        row.get("weightBytesPerSecond").get("median").asDouble()
            / report.get("machine").get("readBytesPerSecond").asDouble();
    assertThat(row.get("shareOfReadBandwidth").asDouble()).isEqualTo(share);
  }

  static Stream<Arguments> wrongOptions() {
    return Stream.of(
        Arguments.of(List.of("-b", "0"), "--batch is 0, expected 1 to"),
        Arguments.of(List.of("-b", "1,513"), "--batch is 513, expected at most 512"),
        Arguments.of(List.of("-p", "-1"), "--prompt is -1, expected 0 to"),
        Arguments.of(List.of("-n", "-1"), "--generate is -1, expected 0 to"),
        Arguments.of(List.of("-d", "0,-4"), "--depth is -4, expected 0 to"),
        Arguments.of(List.of("-t", "-1"), "--threads is -1, expected 0 to"),
        Arguments.of(List.of("-r", "0"), "--repetitions is 0, expected 1 to"),
        Arguments.of(List.of("--warm-up", "-1"), "--warm-up is -1, expected 0 to"),
        Arguments.of(List.of("-p", "0", "-n", "0"), "--load-only"),
        Arguments.of(List.of("-p", "513"), "pp513 takes 513 tokens"),
        Arguments.of(List.of("-p", "0", "-n", "13", "-d", "500"), "the context of"),
        Arguments.of(List.of("-n", "16777216", "-d", "16777216"), "the context of"),
        Arguments.of(List.of("-d", "2147483647"), "--depth is 2147483647, expected 0 to"),
        Arguments.of(List.of("--read-mib", "0"), "--read-mib is 0, expected 1 to"),
        Arguments.of(List.of("--model", "other"), "named twice"));
  }

  @ParameterizedTest
  @MethodSource("wrongOptions")
  void bench_wrongOption_saysWhichInOneLine(List<String> options, String words) {
    List<String> arguments = new ArrayList<>(List.of("bench", MODEL.toString()));
    arguments.addAll(options);
    Ran ran = Ran.command(arguments.toArray(String[]::new));
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.complaints()).singleElement().asString().contains(words);
    assertThat(ran.output()).isEmpty();
  }

  @Test
  void bench_notANumber_isAWrongCommandLine() {
    Ran ran = Ran.command("bench", MODEL.toString(), "-b", "4,x");
    assertThat(ran.status()).isEqualTo(2);
    assertThat(ran.complaints().getFirst()).contains("--batch").contains("'x'");
  }

  private static JsonNode json(String... options) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of("bench", MODEL.toString(), "--json", "--read-mib", "8", "--warm-up", "0"));
    arguments.addAll(List.of(options));
    Ran ran = Ran.command(arguments.toArray(String[]::new));
    assertThat(ran.status()).as(ran.errors()).isZero();
    return new ObjectMapper().readTree(ran.output());
  }

  private static List<String> names(JsonNode report) {
    return StreamSupport.stream(report.get("tests").spliterator(), false)
        .map(row -> row.get("test").asText())
        .toList();
  }

  private static Stream<Double> numbers(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asDouble);
  }
}
