package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.check.GoldenCheck;
import dev.consilium.router.check.GoldenReport;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.tensor.DType;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of the weights is tested where they are converted. */
class QuantizeCommandTest {

  @TempDir private Path directory;
  private Path out;

  @BeforeEach
  void nameAFile() {
    out = directory.resolve("out.gguf");
  }

  @Test
  void quantize_withoutLoss_computesTheReferencesNumbers() throws IOException {
    Ran ran = quantize(Fixtures.demoModel(), "f32");
    assertThat(ran.status()).as(ran.errors()).isZero();
    assertThat(ran.output()).contains("wrote " + out);
    try (Checkpoint checkpoint = Checkpoint.open(out);
        Router router =
            Router.open(
                checkpoint, RouterOptions.inProcess(2), new Utilisation(), EngineObserver.NONE)) {
      GoldenReport report = GoldenCheck.run(router, Fixtures.demoModel(), 0);
      assertThat(report.problems()).isEmpty();
    }
    assertThat(files()).containsExactly(out);
  }

  @Test
  void quantize_toFewerBits_generatesTextFromOneFile() throws IOException {
    assertThat(quantize(Fixtures.demoModel(), "Q8_0").status()).isZero();
    try (Checkpoint checkpoint = Checkpoint.open(out)) {
      assertThat(checkpoint.tensor("blk.0.attn_q.weight").dtype()).isEqualTo(DType.Q8_0);
    }
    // Tokenizer, chat template and sampling defaults are in the file as well.
    Ran ran =
        Ran.command(
            "run", "--model", out.toString(), "--chat", "-n", "8", "-t", "0", "Tell me a story.");
    assertThat(ran.status()).as(ran.errors()).isZero();
    assertThat(ran.output().strip()).isNotEmpty();
  }

  @Test
  void quantize_tensorTypes_ofMatricesWithTheseNamesAlone() throws IOException {
    Ran ran =
        quantize(
            Fixtures.demoModel(),
            "q4_0",
            "--tensor-type",
            "0\\.attn_(q|k)=Q8_0",
            "--tensor-type",
            "attn|norm|gate_inp=f16");
    assertThat(ran.status()).as(ran.errors()).isZero();
    try (Checkpoint checkpoint = Checkpoint.open(out)) {
      Map<String, DType> expected =
          Map.of(
              "blk.0.attn_q.weight", DType.Q8_0,
              "blk.0.attn_k.weight", DType.Q8_0,
              "blk.0.attn_v.weight", DType.F16,
              "blk.1.attn_q.weight", DType.F16,
              "blk.0.attn_norm.weight", DType.F32,
              "blk.0.ffn_gate_inp.weight", DType.F32,
              "token_embd.weight", DType.Q4_0);
      expected.forEach(
          (name, dtype) -> assertThat(checkpoint.tensor(name).dtype()).as(name).isEqualTo(dtype));
    }
  }

  @Test
  void quantize_tensorTypeOfNothing_isRefused() throws IOException {
    Ran ran = quantize(Fixtures.demoModel(), "q8_0", "--tensor-type", "ffn_gate_inp=q4_0");
    assertThat(ran.status()).isNotZero();
    assertThat(ran.errors())
        .contains("no matrix has 'ffn_gate_inp' in its name, which would become Q4_0")
        .contains("blk.");
    assertThat(files()).isEmpty();
  }

  @Test
  void quantize_tensorTypeOfRowsThatAreNoBlocks_isRefused() throws IOException {
    Ran ran = quantize(Fixtures.model("qwen3-moe"), "q8_0", "--tensor-type", "attn_q=q4_k");
    assertThat(ran.status()).isNotZero();
    assertThat(ran.errors()).contains("blk.0.attn_q.weight cannot be Q4_K: its rows have");
    assertThat(files()).isEmpty();
  }

  @Test
  void quantize_tensorTypeThatIsNoExpression_isRefused() {
    Ran ran = quantize(Fixtures.demoModel(), "q8_0", "--tensor-type", "attn(=q4_k");
    assertThat(ran.status()).isEqualTo(2);
    assertThat(ran.errors()).contains("--tensor-type").contains("attn(").contains("Unclosed group");
  }

  @Test
  void quantize_noTokenizer_saysSo() {
    Ran without = quantize(Fixtures.model("qwen3-moe"), "q8_0");
    assertThat(without.errors()).contains("has no tokenizer.json");
    Ran with = quantize(Fixtures.demoModel(), "q8_0", "--force");
    assertThat(with.errors()).doesNotContain("tokenizer");
  }

  @Test
  void quantize_ggufAgain_takesAnyType() throws IOException {
    assertThat(quantize(Fixtures.demoModel(), "bf16").status()).isZero();
    Path again = directory.resolve("again.gguf");
    Ran ran = Ran.command("quantize", out.toString(), again.toString(), "-t", "q4_0");
    assertThat(ran.status()).as(ran.errors()).isZero();
    try (Checkpoint checkpoint = Checkpoint.open(again)) {
      assertThat(checkpoint.tensor("blk.0.attn_q.weight").dtype()).isEqualTo(DType.Q4_0);
    }
  }

  @Test
  void quantize_outExists_replacesItOnlyWhenTold() throws IOException {
    Files.writeString(out, "precious");
    Ran refused = quantize(Fixtures.demoModel(), "q8_0");
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.complaints()).singleElement().asString().contains("exists", "--force");
    assertThat(out).hasContent("precious");
    assertThat(quantize(Fixtures.demoModel(), "q8_0", "--force").status()).isZero();
    Checkpoint.open(out).close();
  }

  @Test
  void quantize_intoItself_isRefused() throws IOException {
    assertThat(quantize(Fixtures.demoModel(), "q8_0").status()).isZero();
    byte[] before = Files.readAllBytes(out);
    Ran ran = quantize(out, "q4_0", "--force");
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.complaints()).singleElement().asString().contains("is the source as well");
    assertThat(out).hasBinaryContent(before);
  }

  /** Found only once the weights are being written. */
  @Test
  void quantize_weightIsNotANumber_leavesTheOldFileAndNothingElse() throws IOException {
    Path source = Files.createDirectory(directory.resolve("source"));
    Path model = Fixtures.demoModel();
    for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
      Files.copy(model.resolve(name), source.resolve(name));
    }
    Path weights =
        Files.copy(model.resolve("model.safetensors"), source.resolve("model.safetensors"));
    damageLastWeight(weights);
    Files.writeString(out, "precious");

    Ran ran = quantize(source, "q8_0", "--force");
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.complaints()).singleElement().asString().contains("tensor", "model.safetensors");
    assertThat(out).hasContent("precious");
    assertThat(files()).containsExactlyInAnyOrder(out, source);
  }

  @Test
  void quantize_unknownType_saysWhichThereAre() throws IOException {
    Ran ran = quantize(Fixtures.demoModel(), "q2_k");
    assertThat(ran.status()).isEqualTo(2);
    assertThat(ran.complaints().getFirst()).contains("--type", "q2_k", "Q8_0", "MXFP4");
    assertThat(files()).isEmpty();
  }

  @Test
  void quantize_noType_saysThatItIsMissing() {
    Ran ran = Ran.command("quantize", Fixtures.demoModel().toString(), out.toString());
    assertThat(ran.status()).isEqualTo(2);
    assertThat(ran.complaints().getFirst()).contains("--type");
  }

  @Test
  void quantize_inputMissing_saysWhatItLookedFor() throws IOException {
    Path lost = directory.resolve("lost");
    Ran ran = quantize(lost, "q8_0");
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.complaints()).singleElement().asString().contains(lost + " does not exist");
    assertThat(files()).isEmpty();
  }

  @Test
  void quantize_outInNoDirectory_saysSo() {
    Path lost = directory.resolve("none/out.gguf");
    Ran ran =
        Ran.command("quantize", Fixtures.demoModel().toString(), lost.toString(), "-t", "q8_0");
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.complaints())
        .singleElement()
        .asString()
        .contains(lost.toString(), "in no directory that exists");
  }

  @Test
  void quantize_outIsADirectory_saysSo() {
    Ran ran =
        Ran.command(
            "quantize",
            Fixtures.demoModel().toString(),
            directory.toString(),
            "-t",
            "q8_0",
            "--force");
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.complaints()).singleElement().asString().contains("is a directory");
  }

  /** As /dev/null is one: a new file would take its place. */
  @Test
  void quantize_outIsNoRegularFile_leavesItThere() throws IOException {
    Path socket = directory.resolve("socket");
    try (ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.bind(UnixDomainSocketAddress.of(socket));
      Ran ran =
          Ran.command(
              "quantize",
              Fixtures.demoModel().toString(),
              socket.toString(),
              "-t",
              "q8_0",
              "--force");
      assertThat(ran.status()).isEqualTo(1);
      assertThat(ran.complaints()).singleElement().asString().contains(socket + " is a device");
      assertThat(files()).containsExactly(socket);
      assertThat(Files.isRegularFile(socket)).isFalse();
    }
  }

  private Ran quantize(Path in, String type, String... options) {
    return Ran.command(
        Stream.concat(
                Stream.of("quantize", in.toString(), out.toString(), "--type", type),
                Stream.of(options))
            .toArray(String[]::new));
  }

  /** Everything in the directory, so also what was left unfinished. */
  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.list(directory)) {
      return all.toList();
    }
  }

  /** Four bytes of ones are a NaN at the end of any tensor of floats. */
  private static void damageLastWeight(Path weights) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
      file.seek(file.length() - 4);
      file.writeInt(-1);
    }
  }
}
