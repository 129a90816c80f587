package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.family.AttentionProjections;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.YarnScaling;
import dev.consilium.model.gguf.GgufArchitectures;
import dev.consilium.model.gguf.GgufFile;
import dev.consilium.model.gguf.GgufMetadata;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufModel;
import dev.consilium.model.gguf.GgufSpecWriter;
import dev.consilium.model.gguf.GgufTensor;
import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a GGUF file's metadata and tensors become, and which files are refused. */
class GgufCheckpointTest {

  @TempDir Path directory;

  @Test
  void open_converted_hasTheSpecificationOfTheOriginal() throws IOException {
    for (String name : Fixtures.GGUF_MODELS) {
      try (Checkpoint original = Checkpoint.open(Fixtures.model(name));
          Checkpoint gguf = Checkpoint.open(converted(name))) {
        assertThat(gguf.spec().layers())
            .as(name)
            .isEqualTo(GgufSpecWriter.expressed(original.spec()).layers());
        assertThat(gguf.spec().contextLength()).isEqualTo(original.spec().contextLength());
        assertThat(GgufArchitectures.ofFamily(gguf.spec().family()))
            .isEqualTo(GgufArchitectures.ofFamily(original.spec().family()));
        assertThat(gguf.generationDefaults().endOfTextTokens())
            .isEqualTo(original.generationDefaults().endOfTextTokens());
        assertThat(ModelSummary.of(gguf).totalParameters())
            .isEqualTo(ModelSummary.of(original).totalParameters());
      }
    }
  }

  @Test
  void tensor_oneExpert_isARangeOfTheTensorOfAll() throws IOException {
    try (Checkpoint original = Checkpoint.open(Fixtures.model("qwen3-moe"));
        Checkpoint gguf = Checkpoint.open(converted("qwen3-moe"))) {
      for (int expert : List.of(0, 7, 15)) {
        CheckpointTensor one = gguf.tensor("blk.2.ffn_down_exps.weight[%d]".formatted(expert));
        assertThat(one.shape()).containsExactly(64L, 32L);
        assertThat(one.floats())
            .isEqualTo(
                original
                    .tensor("model.layers.2.mlp.experts.%d.down_proj.weight".formatted(expert))
                    .floats());
      }
    }
  }

  @Test
  void tensor_neighbouringRotaryPairs_areStoredInterleavedAndReadInHalves() throws IOException {
    Path file = converted("mixtral");
    try (Checkpoint original = Checkpoint.open(Fixtures.model("mixtral"));
        Checkpoint gguf = Checkpoint.open(file)) {
      float[] wanted = original.tensor("model.layers.1.self_attn.k_proj.weight").floats();
      CheckpointTensor key = gguf.tensor("blk.1.attn_k.weight");
      assertThat(key.floats()).isEqualTo(wanted);
      // Head 1 has rows 16 to 31; its second stored row is the first of the second half.
      ByteBuffer stored = ByteBuffer.wrap(key.read(4L * 64 * 17, 4 * 64));
      stored.order(java.nio.ByteOrder.LITTLE_ENDIAN);
      float[] row = new float[64];
      stored.asFloatBuffer().get(row);
      assertThat(row).isEqualTo(Arrays.copyOfRange(wanted, 64 * 24, 64 * 25));
    }
  }

  /** Two key heads of two heads each: the first of each, then the second of each. */
  @Test
  void tensor_headsOfValues_areStoredInTurns() throws IOException {
    try (Checkpoint original = Checkpoint.open(Fixtures.model("qwen3_5_moe_text"));
        Checkpoint gguf = Checkpoint.open(converted("qwen3_5_moe_text"))) {
      String delta = "model.layers.1.linear_attn.";
      float[] steps = original.tensor(delta + "dt_bias").floats();
      assertThat(gguf.tensor("blk.1.ssm_dt.bias").floats())
          .containsExactly(steps[0], steps[2], steps[1], steps[3]);
      float[] rates = original.tensor(delta + "A_log").floats();
      assertThat(gguf.tensor("blk.1.ssm_a").floats()[1])
          .isEqualTo(-(float) StrictMath.exp(rates[2]));
      float[] rows = original.tensor(delta + "in_proj_qkv.weight").floats();
      float[] stored = gguf.tensor("blk.1.attn_qkv.weight").floats();
      assertThat(Arrays.copyOf(stored, 80 * 64)).isEqualTo(Arrays.copyOf(rows, 80 * 64));
      assertThat(Arrays.copyOfRange(stored, 80 * 64, 96 * 64))
          .isEqualTo(Arrays.copyOfRange(rows, 96 * 64, 112 * 64));
      float[] columns = original.tensor(delta + "out_proj.weight").floats();
      float[] turned = gguf.tensor("blk.1.ssm_out.weight").floats();
      assertThat(Arrays.copyOfRange(turned, 64 + 16, 64 + 32))
          .isEqualTo(Arrays.copyOfRange(columns, 64 + 32, 64 + 48));
    }
  }

  @Test
  void open_expertsAsTensorsOfTheirOwn_areFoundToo() throws IOException {
    Path file = converted("mixtral");
    Path old = directory.resolve("old.gguf");
    try (GgufModel model = GgufModel.open(file)) {
      List<GgufWriter.Tensor> tensors = new ArrayList<>();
      for (GgufTensor tensor : model.files().getFirst().tensors().values()) {
        if (tensor.shape().size() < 3) {
          tensors.add(same(tensor));
          continue;
        }
        for (int expert = 0; expert < tensor.shape().getFirst(); expert++) {
          tensors.add(
              new GgufWriter.Tensor(
                  tensor.name().replace("_exps", "." + expert),
                  tensor.type(),
                  tensor.shape().subList(1, 3)));
        }
      }
      new GgufWriter(old, copied(model.metadata(), Set.of()), tensors)
          .write((tensor, sink) -> sink.write(expertBytes(model, tensor)));
    }
    try (Checkpoint one = Checkpoint.open(file);
        Checkpoint other = Checkpoint.open(old)) {
      String name = "blk.0.ffn_up_exps.weight[5]";
      assertThat(other.tensor(name).floats()).isEqualTo(one.tensor(name).floats());
    }
  }

  @Test
  void open_unknownArchitecture_namesItAndTheKnown() throws IOException {
    Path file =
        changed(
            metadata -> metadata.text("general.architecture", "gemma3"), "general.architecture");
    refused(
        file,
        "general.architecture is \"gemma3\", want one of dbrx, deepseek2, dots1, ernie4_5-moe, exaone-moe, glm4moe, ");
  }

  @Test
  void open_noArchitecture_isRefused() throws IOException {
    refused(
        changed(metadata -> {}, "general.architecture"),
        "has no metadata key general.architecture");
  }

  @Test
  void open_adapter_isRefused() throws IOException {
    Path file = changed(metadata -> metadata.text("general.type", "adapter"), "general.type");
    refused(file, "general.type is \"adapter\", want \"model\"");
  }

  @Test
  void open_unknownKeyOfTheArchitecture_isRefusedByName() throws IOException {
    Path file = changed(metadata -> metadata.real("qwen3moe.attn_logit_softcapping", 30));
    refused(file, "metadata key qwen3moe.attn_logit_softcapping (30.0) is not known");
  }

  @Test
  void open_keyOfSomebodyElse_isNoMatter() throws IOException {
    try (Checkpoint checkpoint =
        Checkpoint.open(changed(metadata -> metadata.text("somebody.quantized_by", "me")))) {
      assertThat(checkpoint.spec().layers()).hasSize(3);
    }
  }

  @Test
  void open_missingKey_isRefusedByItsName() throws IOException {
    refused(
        changed(metadata -> {}, "qwen3moe.block_count"), "field qwen3moe.block_count is missing");
  }

  @Test
  void open_otherScaling_isRefusedByName() throws IOException {
    refused(
        changed(metadata -> metadata.text("qwen3moe.rope.scaling.type", "other")),
        "rope.scaling.type is \"other\", want one of [default, linear, dynamic, yarn, llama3, longrope]");
  }

  @Test
  void open_partialRotation_isRefused() throws IOException {
    refused(
        changed(
            metadata -> metadata.whole("qwen3moe.rope.dimension_count", 16),
            "qwen3moe.rope.dimension_count"),
        "qwen3moe.rope.dimension_count is 16, want 32, the values of a head");
  }

  @Test
  void open_otherShapeThanStated_isRefused() throws IOException {
    refused(
        changed(metadata -> metadata.whole("qwen3moe.expert_count", 8), "qwen3moe.expert_count"),
        "shape is [16, 64], want [8, 64] by the configuration");
  }

  @Test
  void open_weightThatNobodyAsksFor_isRefused() throws IOException {
    Path file =
        rewritten(
            tensor -> tensor.equals("blk.1.attn_q_norm.weight") ? "rope_freqs.weight" : tensor);
    refused(file, "blk.1.attn_q_norm.weight");
    Path more = rewritten(tensor -> tensor.equals("output.weight") ? "rope_freqs.weight" : tensor);
    refused(more, "tensor rope_freqs.weight: is not part of a qwen3_moe model");
  }

  @Test
  void open_typeThatWeDoNotCompute_isRefusedByName() throws IOException {
    Path file = directory.resolve("type.gguf");
    try (GgufModel model = GgufModel.open(converted("qwen3-moe"))) {
      List<GgufWriter.Tensor> tensors =
          model.files().getFirst().tensors().values().stream()
              .map(tensor ->
                  tensor.name().equals("output.weight")
                      ? new GgufWriter.Tensor(tensor.name(), GgufTensorType.IQ4_NL, tensor.shape())
                      : same(tensor))
              .toList();
      new GgufWriter(file, copied(model.metadata(), Set.of()), tensors)
          .write((tensor, sink) -> sink.write(ByteBuffer.allocate((int) tensor.byteSize())));
    }
    refused(file, "tensor output.weight: dtype is IQ4_NL, want one of [F32");
  }

  @Test
  void generationDefaults_samplingKeys_areTaken() throws IOException {
    Path file =
        changed(
            metadata ->
                metadata
                    .real("general.sampling.temp", 0.5)
                    .real("general.sampling.top_p", 0.75)
                    .whole("tokenizer.ggml.eot_token_id", 77),
            "general.sampling.temp",
            "general.sampling.top_p");
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      GenerationDefaults defaults = checkpoint.generationDefaults();
      assertThat(defaults.temperature()).hasValue(0.5);
      assertThat(defaults.topP()).hasValue(0.75);
      assertThat(defaults.endOfTextTokens()).containsExactly(2, 77);
    }
  }

  /** Metadata come from the specification and from the source's, which say the same. */
  @Test
  void write_ofGguf_isTheSameFile() throws IOException {
    for (String name : Fixtures.GGUF_MODELS) {
      Path file = converted(name);
      Path again = directory.resolve("again.gguf");
      try (Checkpoint checkpoint = Checkpoint.open(file)) {
        assertThat(new GgufConversion(checkpoint, Quantisation.F32).write(again)).isEmpty();
      }
      assertThat(again).as(name).hasSameBinaryContentAs(file);
    }
  }

  @Test
  void write_ofGguf_keepsWhatIsAboutTheModelOnly() throws IOException {
    Path file =
        changed(metadata ->
            metadata.text("general.license", "mit").text("quantize.imatrix.file", "somewhere"));
    Path again = directory.resolve("again.gguf");
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      new GgufConversion(checkpoint, Quantisation.Q8_0).write(again);
    }
    try (GgufModel model = GgufModel.open(again)) {
      assertThat(model.metadata().text("general.license")).contains("mit");
      assertThat(model.metadata().keys()).doesNotContain("quantize.imatrix.file");
    }
  }

  @Test
  void write_ofQuantisedWeights_saysSo() throws IOException {
    Path file = directory.resolve("q4_0.gguf");
    Path again = directory.resolve("again.gguf");
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("qwen3-moe"))) {
      assertThat(new GgufConversion(checkpoint, Quantisation.Q4_0).write(file))
          .singleElement()
          .asString()
          .contains("has no tokenizer.json");
    }
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertThat(new GgufConversion(checkpoint, Quantisation.Q8_0).write(again))
          .singleElement()
          .asString()
          .contains("weights of " + file + " have been quantised before (");
      assertThat(new GgufConversion(checkpoint, Quantisation.Q4_0).write(again)).isEmpty();
      assertThat(new GgufConversion(checkpoint, Quantisation.BF16).write(again)).isEmpty();
    }
  }

  /** GLM has three; a file names as many. */
  @Test
  void write_severalTokensThatEndAnAnswer_namesThreeAndSaysWhatIsLeft() throws IOException {
    Path model = Files.createDirectory(directory.resolve("model"));
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(Fixtures.model("qwen3-moe").resolve(name), model.resolve(name));
    }
    Path file = directory.resolve("ends.gguf");
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": [7, 3, 11, 5]}");
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      assertThat(new GgufConversion(checkpoint, Quantisation.F16).write(file))
          .anyMatch(remark -> remark.contains("has keys for 3 tokens that end an answer"));
    }
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertThat(checkpoint.generationDefaults().endOfTextTokens()).containsExactly(7, 3, 11);
    }
  }

  @Test
  void open_fileOfAnotherName_isKnownByItsBeginning() throws IOException {
    Path file = Files.move(converted("qwen3-moe"), directory.resolve("sha256-0123"));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertThat(checkpoint.spec().family()).isEqualTo("qwen3_moe");
    }
  }

  @Test
  void write_targetIsTheSource_isRefused() throws IOException {
    Path file = converted("qwen3-moe");
    byte[] before = Files.readAllBytes(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertThatThrownBy(() ->
              new GgufConversion(checkpoint, Quantisation.F16)
                  .write(file, GgufWriter.Progress.NONE))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("is the source as well");
    }
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
  }

  /** Of a split model, any part; of a directory, any file with weights. */
  @Test
  void write_targetIsAFileOfTheSource_isRefused() throws IOException {
    Path model = Files.createDirectory(directory.resolve("model"));
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(Fixtures.model("qwen3-moe").resolve(name), model.resolve(name));
    }
    refusesToReplace(model, model.resolve("model.safetensors"));
    Path linked = Files.createSymbolicLink(directory.resolve("linked"), model);
    refusesToReplace(model, linked.resolve("model.safetensors"));
    refusesToReplace(split(1), split(2));
  }

  /** A part of the qwen3-moe fixture in two: the first has one tensor, the second all others. */
  private Path split(int part) throws IOException {
    Path file = directory.resolve("split-%05d-of-00002.gguf".formatted(part));
    try (GgufModel model = GgufModel.open(converted("qwen3-moe"))) {
      GgufMetadataBuilder metadata =
          part == 1 ? copied(model.metadata(), Set.of()) : new GgufMetadataBuilder();
      metadata.whole("split.no", part - 1).whole("split.count", 2);
      List<GgufWriter.Tensor> tensors = tensors(model);
      new GgufWriter(
              file,
              metadata,
              part == 1 ? tensors.subList(0, 1) : tensors.subList(1, tensors.size()))
          .write((tensor, sink) -> sink.write(bytes(model, tensor.name())));
    }
    return file;
  }

  private static void refusesToReplace(Path source, Path target) throws IOException {
    byte[] before = Files.readAllBytes(target);
    try (Checkpoint checkpoint = Checkpoint.open(source)) {
      assertThatThrownBy(() ->
              new GgufConversion(checkpoint, Quantisation.F16)
                  .write(target, GgufWriter.Progress.NONE))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("is the source as well");
    }
    assertThat(Files.readAllBytes(target)).isEqualTo(before);
  }

  @Test
  void write_whatGgufCannotSay_isRefusedAndLeavesNothing() throws IOException {
    Path model = directory.resolve("model");
    Files.createDirectory(model);
    Path original = Fixtures.model("olmoe");
    Files.copy(original.resolve("model.safetensors"), model.resolve("model.safetensors"));
    Files.writeString(
        model.resolve("config.json"),
        Files.readString(original.resolve("config.json"))
            .replace("\"norm_topk_prob\": false", "\"norm_topk_prob\": true"));
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      assertThatThrownBy(() ->
              new GgufConversion(checkpoint, Quantisation.F32)
                  .write(directory.resolve("out.gguf"), GgufWriter.Progress.NONE))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("GGUF has no way to say what this model's configuration says")
          .hasMessageContaining("renormalisation is BySum");
    }
    try (var left = Files.list(directory)) {
      assertThat(left).containsExactly(model);
    }
  }

  @Test
  void write_sizesThatGgufTakesForGranted_isRefusedByName() throws IOException {
    refusedToWrite("llama4-text", "layers[0].attention.keys.size is 16, and would become 8192");
    refusedToWrite(
        "phimoe", "layers[0].attention.rotary.scaling.longMagnitude is 1.25, and would become ");
    refusedToWrite(
        "dots1", "layers[2].attention.keys is SlidingWindow[keys=16], and would become AllKeys[]");
    refusedToWrite("lfm2_moe", "layers[0].attention.biases is true, and would become false");
    refusedToWrite("jamba", "projectionBiases is true, and would become false");
    refusedToWrite("glm4_moe_lite", "bias is true, and would become false");
    refusedToWrite("nemotron_h", "layers[3].feedForward is DenseFeedForward[intermediateSize=40");
    refusedToWrite("nemotron_h-latent", "projectionBiases is true, and would become false");
    refusedToWrite("ernie4_5-moe-bias", "headBias is true, and would become false");
    refusedToWrite("minimax", "attentionResidual.stream is 1.4, and would become 1.3");
  }

  /** Rows are encoded by several threads; which one fails first changes from try to try. */
  @Test
  void write_noWeightIsANumber_saysSoInTheSameWordsEachTime() throws IOException {
    Path model = Files.createDirectory(directory.resolve("nan"));
    Path original = Fixtures.model("olmoe");
    Files.copy(original.resolve("config.json"), model.resolve("config.json"));
    byte[] weights = Files.readAllBytes(original.resolve("model.safetensors"));
    int header = (int) ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN).getLong();
    Arrays.fill(weights, 8 + header, weights.length, (byte) -1);
    Files.write(model.resolve("model.safetensors"), weights);
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      GgufConversion conversion = new GgufConversion(checkpoint, Quantisation.Q8_0);
      for (int i = 0; i < 50; i++) {
        assertThatThrownBy(
                () -> conversion.write(directory.resolve("out.gguf"), GgufWriter.Progress.NONE))
            .isInstanceOf(CheckpointException.class)
            .hasMessageEndingWith(
                "tensor model.embed_tokens.weight: a weight is NaN, which Q8_0 cannot hold as a finite number");
      }
    }
  }

  private void refusedToWrite(String name, String problem) {
    assertThatThrownBy(() -> converted(name))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("GGUF has no way to say what this model's configuration says")
        .hasMessageContaining(problem);
  }

  /** Files of before 2025-04 have keys and values of all heads in one matrix. */
  @Test
  void open_latentKeysAndValuesInOneMatrix_areFoundToo() throws IOException {
    Path old = directory.resolve("old-latent.gguf");
    Path file = converted("deepseek-v2-lite");
    try (Checkpoint original = Checkpoint.open(Fixtures.model("deepseek-v2-lite"));
        GgufModel model = GgufModel.open(file)) {
      GgufMetadataBuilder metadata =
          copied(
              model.metadata(),
              Set.of(
                  "deepseek2.attention.key_length_mla",
                  "deepseek2.attention.value_length_mla",
                  "deepseek2.attention.key_length",
                  "deepseek2.attention.value_length",
                  "deepseek2.attention.head_count_kv"));
      metadata.whole("deepseek2.attention.key_length", 24);
      metadata.whole("deepseek2.attention.value_length", 16);
      metadata.whole("deepseek2.attention.head_count_kv", 4);
      List<GgufWriter.Tensor> tensors = new ArrayList<>();
      for (GgufTensor tensor : model.files().getFirst().tensors().values()) {
        if (tensor.name().endsWith("attn_k_b.weight")) {
          tensors.add(
              new GgufWriter.Tensor(
                  tensor.name().replace("_k_b", "_kv_b"), tensor.type(), List.of(96L, 24L)));
        } else if (!tensor.name().endsWith("attn_v_b.weight")) {
          tensors.add(same(tensor));
        }
      }
      new GgufWriter(old, metadata, tensors)
          .write((tensor, sink) ->
              sink.write(
                  tensor.name().contains("_kv_b")
                      ? latent(original, tensor.name())
                      : bytes(model, tensor.name())));
      try (Checkpoint one = Checkpoint.open(old)) {
        assertThat(one.spec().layers()).isEqualTo(original.spec().layers());
        assertThat(one.tensor("blk.1.attn_kv_b.weight").floats())
            .isEqualTo(original.tensor("model.layers.1.self_attn.kv_b_proj.weight").floats());
        Path again = directory.resolve("again.gguf");
        assertThat(new GgufConversion(one, Quantisation.F32).write(again)).isEmpty();
        assertThat(again).hasSameBinaryContentAs(file);
      }
    }
  }

  private static ByteBuffer latent(Checkpoint original, String name) {
    String layer = name.split("\\.", -1)[1];
    return floats(original, "model.layers." + layer + ".self_attn.kv_b_proj.weight");
  }

  private static ByteBuffer floats(Checkpoint original, String name) {
    float[] values = original.tensor(name).floats();
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length);
    bytes.order(java.nio.ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return bytes;
  }

  @ParameterizedTest
  @CsvSource({
    "glm4-moe, glm4moe",
    "deepseek-v3, deepseek2",
    "qwen3-next, qwen3next",
    "qwen3_5_moe, qwen35moe",
    "exaone_moe, exaone-moe"
  })
  void open_layersThatPredictFurtherAhead_areLeftOut(String name, String architecture)
      throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(predicting(name, architecture, metadata -> {}));
        Checkpoint original = Checkpoint.open(Fixtures.model(name))) {
      assertThat(checkpoint.spec().layers()).isEqualTo(original.spec().layers());
      assertThat(checkpoint.spec().predictionLayers()).isEqualTo(1);
      Path again = directory.resolve("again.gguf");
      assertThat(new GgufConversion(checkpoint, Quantisation.F32).write(again))
          .singleElement()
          .asString()
          .contains("predict further ahead are left out");
      assertThat(again).hasSameBinaryContentAs(converted(name));
    }
  }

  /** What is written anew then says the same, with or without the factors that files may have. */
  @ParameterizedTest
  @ValueSource(doubles = {1, 0.875})
  void write_latentAttentionWithoutYarnsLogarithm_saysTheSame(double factor) throws IOException {
    Path file =
        predicting(
            "deepseek-v3",
            "deepseek2",
            metadata -> metadata.real("deepseek2.rope.scaling.attn_factor", factor),
            "deepseek2.rope.scaling.yarn_log_multiplier");
    Path again = directory.resolve("again.gguf");
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      new GgufConversion(checkpoint, Quantisation.F32).write(again);
      try (Checkpoint other = Checkpoint.open(again)) {
        assertThat(other.spec().layers()).isEqualTo(checkpoint.spec().layers());
      }
    }
  }

  /** A fixture with a layer more that predicts further ahead. */
  private Path predicting(
      String name, String architecture, Consumer<GgufMetadataBuilder> more, String... without)
      throws IOException {
    Path file = directory.resolve("further.gguf");
    try (GgufModel model = GgufModel.open(converted(name))) {
      int layers = model.metadata().whole(architecture + ".block_count", 1, 100).orElseThrow();
      Set<String> replaced = new HashSet<>(List.of(without));
      replaced.add(architecture + ".block_count");
      GgufMetadataBuilder metadata = copied(model.metadata(), replaced);
      metadata.whole(architecture + ".block_count", layers + 1);
      metadata.whole(architecture + ".nextn_predict_layers", 1);
      more.accept(metadata);
      List<GgufWriter.Tensor> tensors = new ArrayList<>(tensors(model));
      String further = "blk.%d.".formatted(layers);
      tensors.add(tensor(further + "nextn.eh_proj.weight", List.of(4L, 8L)));
      tensors.add(tensor(further + "ffn_gate_exps.weight", List.of(2L, 4L, 4L)));
      new GgufWriter(file, metadata, tensors)
          .write((tensor, sink) ->
              sink.write(
                  tensor.name().startsWith(further)
                      ? ByteBuffer.allocate(128)
                      : bytes(model, tensor.name())));
    }
    return file;
  }

  @Test
  void open_gateAndUpOfExpertsInOneTensor_areFoundToo() throws IOException {
    Path file = converted("qwen3-moe");
    Path fused = directory.resolve("fused.gguf");
    try (GgufModel model = GgufModel.open(file)) {
      List<GgufWriter.Tensor> tensors = new ArrayList<>();
      for (GgufTensor tensor : model.files().getFirst().tensors().values()) {
        if (tensor.name().endsWith(".ffn_gate_exps.weight")) {
          List<Long> shape = tensor.shape();
          tensors.add(
              tensor(
                  tensor.name().replace("ffn_gate", "ffn_gate_up"),
                  List.of(shape.get(0), 2 * shape.get(1), shape.get(2))));
        } else if (!tensor.name().endsWith(".ffn_up_exps.weight")) {
          tensors.add(same(tensor));
        }
      }
      new GgufWriter(fused, copied(model.metadata(), Set.of()), tensors)
          .write((tensor, sink) ->
              sink.write(
                  tensor.name().contains("gate_up")
                      ? gateUp(model, tensor)
                      : bytes(model, tensor.name())));
    }
    sameWeights(file, fused);
  }

  /** Of each expert the gate, then the other matrix. */
  private static ByteBuffer gateUp(GgufModel model, GgufWriter.Tensor tensor) throws IOException {
    ByteBuffer gate = bytes(model, tensor.name().replace("gate_up", "gate"));
    ByteBuffer up = bytes(model, tensor.name().replace("gate_up", "up"));
    int experts = tensor.shape().getFirst().intValue();
    int size = gate.limit() / experts;
    ByteBuffer both = ByteBuffer.allocate(2 * gate.limit());
    for (int expert = 0; expert < experts; expert++) {
      both.put(gate.slice(expert * size, size)).put(up.slice(expert * size, size));
    }
    return both.flip();
  }

  @Test
  void open_queriesKeysAndValuesInOneTensor_areFoundToo() throws IOException {
    Path file = converted("qwen3-moe");
    Path fused = directory.resolve("fused.gguf");
    try (GgufModel model = GgufModel.open(file)) {
      List<GgufWriter.Tensor> tensors = new ArrayList<>();
      for (GgufTensor tensor : model.files().getFirst().tensors().values()) {
        if (tensor.name().endsWith(".attn_q.weight")) {
          tensors.add(tensor(tensor.name().replace("_q.", "_qkv."), List.of(256L, 64L)));
        } else if (!tensor.name().matches(".*\\.attn_[kv]\\.weight")) {
          tensors.add(same(tensor));
        }
      }
      new GgufWriter(fused, copied(model.metadata(), Set.of()), tensors)
          .write((tensor, sink) -> {
            if (tensor.name().contains("_qkv")) {
              for (String part : List.of("_q", "_k", "_v")) {
                sink.write(bytes(model, tensor.name().replace("_qkv", part)));
              }
            } else {
              sink.write(bytes(model, tensor.name()));
            }
          });
    }
    sameWeights(file, fused);
  }

  /** Two files of one model that call its weights otherwise. */
  private static void sameWeights(Path file, Path other) {
    try (Checkpoint one = Checkpoint.open(file);
        Checkpoint two = Checkpoint.open(other)) {
      assertThat(two.spec().layers()).isEqualTo(one.spec().layers());
      List<String> names = new ArrayList<>();
      SpecTensors.visit(two.spec(), (name, shape) -> names.add(name));
      int[] next = {0};
      SpecTensors.visit(
          one.spec(),
          (name, shape) ->
              assertThat(two.tensor(names.get(next[0]++)).floats())
                  .as(name)
                  .isEqualTo(one.tensor(name).floats()));
    }
  }

  /** Files of before 2026 have one part for each key head. */
  @Test
  void open_deltaNetsByKeyHead_areFoundToo() throws IOException {
    Path old = directory.resolve("old-delta.gguf");
    try (Checkpoint original = Checkpoint.open(Fixtures.model("qwen3-next"));
        GgufModel model = GgufModel.open(converted("qwen3-next"))) {
      List<GgufWriter.Tensor> tensors = new ArrayList<>();
      for (GgufTensor tensor : model.files().getFirst().tensors().values()) {
        if (tensor.name().endsWith(".attn_qkv.weight")) {
          tensors.add(tensor(tensor.name().replace("attn_qkv", "ssm_in"), List.of(192L, 64L)));
        } else if (!tensor.name().endsWith(".attn_gate.weight")) {
          tensors.add(same(tensor));
        }
      }
      new GgufWriter(old, copied(model.metadata(), Set.of()), tensors)
          .write((tensor, sink) ->
              sink.write(
                  tensor.name().contains("ssm_in")
                      ? floats(original, deltaProjection(tensor.name()))
                      : bytes(model, tensor.name())));
      try (Checkpoint one = Checkpoint.open(old)) {
        assertThat(one.spec().layers()).isEqualTo(original.spec().layers());
        assertThat(one.tensor("blk.1.ssm_in.weight").floats())
            .isEqualTo(original.tensor(deltaProjection("blk.1.ssm_in.weight")).floats());
      }
    }
  }

  private static String deltaProjection(String tensor) {
    return "model.layers." + tensor.split("\\.", -1)[1] + ".linear_attn.in_proj_qkvz.weight";
  }

  @Test
  void tensor_mxfp4OfTheOriginal_isTheSameIn17BytesForEach32() throws IOException {
    Path file = directory.resolve("mxfp4.gguf");
    try (Checkpoint original = Checkpoint.open(Fixtures.model("gpt-oss-mxfp4"))) {
      new GgufConversion(original, Quantisation.MXFP4).write(file, GgufWriter.Progress.NONE);
      try (Checkpoint gguf = Checkpoint.open(file)) {
        for (int expert : List.of(0, 3)) {
          var ours = original.spec().names().feedForward(1).expert(expert);
          var theirs = gguf.spec().names().feedForward(1).expert(expert);
          for (List<String> pair :
              List.of(
                  List.of(ours.gate(), theirs.gate()),
                  List.of(ours.up(), theirs.up()),
                  List.of(ours.down(), theirs.down()))) {
            CheckpointTensor found = gguf.tensor(pair.get(1));
            assertThat(found.header().dtype()).isEqualTo("MXFP4");
            assertThat(found.header().byteSize())
                .isEqualTo(found.header().elementCount() / 32 * 17);
            assertThat(found.floats()).isEqualTo(original.tensor(pair.get(0)).floats());
          }
        }
      }
    }
  }

  @Test
  void open_factorBesideYarns_multipliesIt() throws IOException {
    Path file =
        changed(
            "qwen3-moe-yarn", metadata -> metadata.real("qwen3moe.rope.scaling.attn_factor", 1.25));
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertThat(yarn(checkpoint).attentionFactor())
          .isEqualTo(1.25 * (0.1 * StrictMath.log(4) + 1));
    }
  }

  @Test
  void open_factorThatProgramsDisagreeOn_isRefusedUnlessItChangesNothing() throws IOException {
    String key = "qwen3moe.rope.scaling.yarn_attn_factor";
    refused(
        changed("qwen3-moe-yarn", metadata -> metadata.real(key, 1.25)),
        key + " is 1.25, want 1, or 1.1386294");
    for (double value : new double[] {1, 0.1 * Math.log(4) + 1}) {
      try (Checkpoint checkpoint =
          Checkpoint.open(changed("qwen3-moe-yarn", metadata -> metadata.real(key, value)))) {
        assertThat(yarn(checkpoint).attentionFactor()).isEqualTo(0.1 * StrictMath.log(4) + 1);
      }
    }
  }

  private static YarnScaling yarn(Checkpoint checkpoint) {
    return (YarnScaling)
        ((GroupedQueryAttention) checkpoint.spec().layers().getFirst().attention())
            .rotary()
            .orElseThrow()
            .scaling();
  }

  @Test
  void open_clip_isReadAndChecked() throws IOException {
    String key = "dbrx.attention.clamp_kqv";
    refused(
        changed("dbrx", metadata -> metadata.real(key, -1), key),
        key + " is -1.0, want a number above 0");
    try (Checkpoint checkpoint =
        Checkpoint.open(changed("dbrx", metadata -> metadata.real(key, 0), key))) {
      GroupedQueryAttention attention =
          (GroupedQueryAttention) checkpoint.spec().layers().getFirst().attention();
      assertThat(attention.projections()).isEqualTo(AttentionProjections.PLAIN);
    }
    String heads = "dbrx.attention.head_count_kv";
    refused(
        changed("dbrx", metadata -> metadata.whole(heads, 1), heads),
        "blk.0.attn_qkv.weight: shape is [128, 64], want 96 rows of queries, keys and values");
  }

  /** As published files have them. */
  @Test
  void open_keysThatChangeNothing_areNoMatter() throws IOException {
    Path hunyuan =
        changed(
            "hunyuan_v1_moe",
            metadata ->
                metadata
                    .whole("hunyuan-moe.expert_group_count", 0)
                    .whole("hunyuan-moe.expert_group_used_count", 0)
                    .text("hunyuan-moe.rope.scaling.type", "none")
                    .real("hunyuan-moe.rope.scaling.factor", 1)
                    .whole("hunyuan-moe.rope.scaling.original_context_length", 262_144));
    sameWeights(directory.resolve("hunyuan_v1_moe.gguf"), hunyuan);
    Path minimax =
        changed("minimax_m2", metadata -> metadata.real("minimax-m2.rope.freq_base_swa", -1));
    sameWeights(directory.resolve("minimax_m2.gguf"), minimax);
    refused(
        changed("minimax_m2", metadata -> metadata.whole("minimax-m2.expert_group_count", 2)),
        "minimax-m2.expert_group_count is 2, want 1, as there are no groups");
  }

  /** As one number, or not at all. */
  @Test
  void open_windowsInAllButEveryFourthLayer_areThoseOfTheList() throws IOException {
    String pattern = "exaone-moe.attention.sliding_window_pattern";
    List<Consumer<GgufMetadataBuilder>> ways =
        List.of(metadata -> metadata.whole(pattern, 4), metadata -> {});
    for (Consumer<GgufMetadataBuilder> way : ways) {
      try (Checkpoint listed = Checkpoint.open(converted("exaone_moe"));
          Checkpoint other = Checkpoint.open(changed("exaone_moe", way, pattern))) {
        assertThat(other.spec().layers()).isEqualTo(listed.spec().layers());
      }
    }
  }

  @Test
  void open_whatAFamilyDoesNotHave_isRefusedByName() throws IOException {
    String shared = "hunyuan-moe.expert_shared_count";
    refused(
        changed("hunyuan_v1_moe", metadata -> metadata.whole(shared, 2), shared),
        shared + " is 2, want 1, the shared experts of this family");
    String width = "hunyuan-moe.expert_shared_feed_forward_length";
    refused(
        changed("hunyuan_v1_moe", metadata -> metadata.whole(width, 48), width),
        width + " is 48, want 24, the width of an expert");
    String score = "minimax-m2.expert_gating_func";
    refused(
        changed("minimax_m2", metadata -> metadata.whole(score, 1), score),
        score + " is 1, want 2, the only score of this family");
    String normalised = "hy_v3.expert_weights_norm";
    refused(
        changed("hy_v3", metadata -> metadata.flag(normalised, false), normalised),
        normalised + " is false, want true");
    String shares = "hy_v3.expert_shared_feed_forward_length";
    refused(
        changed("hy_v3", metadata -> metadata.whole(shares, 50), shares),
        shares + " is 50, want a multiple of hy_v3.expert_feed_forward_length, which is 24");
    String ofHead = "kimi-linear.attention.key_length_mla";
    refused(changed("kimi_linear", metadata -> {}, ofHead), "field " + ofHead + " is missing");
    String divided = "kimi-linear.expert_weights_norm";
    refused(
        changed("kimi_linear", metadata -> metadata.flag(divided, false), divided),
        divided + " is false, want true");
    String pattern = "exaone-moe.attention.sliding_window_pattern";
    refused(
        changed("exaone_moe", metadata -> metadata.flags(pattern, List.of(true, false)), pattern),
        pattern + " is a list of 2 BOOL, want 4 of them, one per layer");
    refused(
        changed("exaone_moe", metadata -> metadata.whole(pattern, 0), pattern),
        pattern + " is 0, want at least 1");
    String recurrent = "qwen35moe.attention.recurrent_layers";
    refused(
        changed("qwen3_5_moe", metadata -> metadata.wholes(recurrent, new int[] {0, 1, 1, 1})),
        recurrent + " (a list of 4 INT32) is not known");
    refused(
        changed("minimax_m2", metadata -> metadata.real("minimax-m2.expert_weights_scale", 2)),
        "metadata key minimax-m2.expert_weights_scale (2.0) is not known");
  }

  private void refused(Path file, String problem) {
    assertThatThrownBy(() -> Checkpoint.open(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(problem);
  }

  private Path converted(String name) throws IOException {
    Path file = directory.resolve(name + ".gguf");
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(name))) {
      new GgufConversion(checkpoint, Quantisation.F32).write(file, GgufWriter.Progress.NONE);
    }
    return file;
  }

  /** The qwen3-moe fixture with other metadata. */
  private Path changed(Consumer<GgufMetadataBuilder> change, String... without) throws IOException {
    return changed("qwen3-moe", change, without);
  }

  /** A fixture with other metadata. */
  private Path changed(String name, Consumer<GgufMetadataBuilder> change, String... without)
      throws IOException {
    Path file = directory.resolve("changed.gguf");
    try (GgufModel model = GgufModel.open(converted(name))) {
      GgufMetadataBuilder metadata = copied(model.metadata(), Set.of(without));
      change.accept(metadata);
      new GgufWriter(file, metadata, tensors(model))
          .write((tensor, sink) -> sink.write(bytes(model, tensor.name())));
    }
    return file;
  }

  /** The qwen3-moe fixture with other names of tensors. */
  private Path rewritten(UnaryOperator<String> rename) throws IOException {
    Path file = directory.resolve("renamed.gguf");
    try (GgufModel model = GgufModel.open(converted("qwen3-moe"))) {
      List<GgufWriter.Tensor> tensors =
          model.files().getFirst().tensors().values().stream()
              .map(tensor ->
                  new GgufWriter.Tensor(rename.apply(tensor.name()), tensor.type(), tensor.shape()))
              .toList();
      new GgufWriter(file, copied(model.metadata(), Set.of()), tensors)
          .write((tensor, sink) -> sink.write(ByteBuffer.allocate((int) tensor.byteSize())));
    }
    return file;
  }

  private static GgufMetadataBuilder copied(GgufMetadata from, Set<String> without) {
    GgufMetadataBuilder metadata = new GgufMetadataBuilder();
    from.keys().stream()
        .filter(key -> !without.contains(key))
        .forEach(key -> metadata.copy(from, key));
    return metadata;
  }

  private static List<GgufWriter.Tensor> tensors(GgufModel model) {
    return model.files().getFirst().tensors().values().stream()
        .map(GgufCheckpointTest::same)
        .toList();
  }

  private static GgufWriter.Tensor tensor(String name, List<Long> shape) {
    return new GgufWriter.Tensor(name, GgufTensorType.F32, shape);
  }

  private static GgufWriter.Tensor same(GgufTensor tensor) {
    return new GgufWriter.Tensor(tensor.name(), tensor.type(), tensor.shape());
  }

  private static ByteBuffer expertBytes(GgufModel model, GgufWriter.Tensor tensor)
      throws IOException {
    String[] parts = tensor.name().split("\\.", -1);
    if (parts.length < 5) {
      return bytes(model, tensor.name());
    }
    int expert = Integer.parseInt(parts[3]);
    ByteBuffer all =
        bytes(model, String.join(".", parts[0], parts[1], parts[2] + "_exps", parts[4]));
    int size = (int) tensor.byteSize();
    return all.slice(expert * size, size);
  }

  private static ByteBuffer bytes(GgufModel model, String name) throws IOException {
    GgufFile file = model.files().getFirst();
    GgufTensor tensor =
        file.tensors().values().stream()
            .filter(one -> one.name().equals(name))
            .findFirst()
            .orElseThrow();
    ByteBuffer bytes = ByteBuffer.allocate((int) tensor.byteSize());
    file.channel().read(bytes, tensor.begin());
    return bytes.flip();
  }
}
