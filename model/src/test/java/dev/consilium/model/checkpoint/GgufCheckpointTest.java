package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.gguf.GgufFile;
import dev.consilium.model.gguf.GgufMetadata;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufModel;
import dev.consilium.model.gguf.GgufTensor;
import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a GGUF file's metadata and tensors become, and which files are refused. */
class GgufCheckpointTest {

  @TempDir Path directory;

  @Test
  void open_converted_hasTheSpecificationOfTheOriginal() throws IOException {
    for (String name : Fixtures.GGUF_MODELS) {
      try (Checkpoint original = Checkpoint.open(Fixtures.model(name));
          Checkpoint gguf = Checkpoint.open(converted(name))) {
        assertThat(gguf.spec().layers()).as(name).isEqualTo(original.spec().layers());
        assertThat(gguf.spec().contextLength()).isEqualTo(original.spec().contextLength());
        assertThat(gguf.spec().family()).isEqualTo(original.spec().family());
        assertThat(gguf.generationDefaults().endOfTextTokens())
            .containsAnyElementsOf(original.generationDefaults().endOfTextTokens());
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
        "general.architecture is \"gemma3\", want one of deepseek2, ernie4_5-moe, glm4moe, gpt-oss, ");
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

  @Test
  void write_targetIsTheSource_isRefused() throws IOException {
    Path file = converted("qwen3-moe");
    byte[] before = Files.readAllBytes(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertThatThrownBy(() ->
              new GgufConversion(checkpoint, Quantisation.F16)
                  .write(file, GgufConversion.Progress.NONE))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("is the source as well");
    }
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
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
                  .write(directory.resolve("out.gguf"), GgufConversion.Progress.NONE))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("GGUF has no way to say what this model's configuration says")
          .hasMessageContaining("renormalisation=BySum");
    }
    try (var left = Files.list(directory)) {
      assertThat(left).containsExactly(model);
    }
  }

  @Test
  void write_sizesThatGgufTakesForGranted_isRefusedByName() throws IOException {
    refusedToWrite("llama4-text", "keys=KeyChunks[size=16]");
    refusedToWrite("phimoe", "shortMagnitude=1.0");
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
      }
    }
  }

  private static ByteBuffer latent(Checkpoint original, String name) {
    String layer = name.split("\\.", -1)[1];
    float[] values =
        original.tensor("model.layers." + layer + ".self_attn.kv_b_proj.weight").floats();
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length);
    bytes.order(java.nio.ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
    return bytes;
  }

  @Test
  void open_layersThatPredictFurtherAhead_areLeftOut() throws IOException {
    Path file = directory.resolve("further.gguf");
    try (GgufModel model = GgufModel.open(converted("glm4-moe"))) {
      GgufMetadataBuilder metadata = copied(model.metadata(), Set.of("glm4moe.block_count"));
      metadata.whole("glm4moe.block_count", 4);
      metadata.whole("glm4moe.nextn_predict_layers", 1);
      List<GgufWriter.Tensor> tensors =
          new ArrayList<>(
              model.files().getFirst().tensors().values().stream()
                  .map(GgufCheckpointTest::same)
                  .toList());
      tensors.add(
          new GgufWriter.Tensor("blk.3.nextn.eh_proj.weight", GgufTensorType.F32, List.of(4L, 8L)));
      new GgufWriter(file, metadata, tensors)
          .write((tensor, sink) ->
              sink.write(
                  tensor.name().contains("nextn")
                      ? ByteBuffer.allocate(128)
                      : bytes(model, tensor.name())));
    }
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      assertThat(checkpoint.spec().layers()).hasSize(3);
      assertThat(checkpoint.spec().predictionLayers()).isEqualTo(1);
    }
  }

  private void refused(Path file, String problem) {
    assertThatThrownBy(() -> Checkpoint.open(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(problem);
  }

  private Path converted(String name) throws IOException {
    Path file = directory.resolve(name + ".gguf");
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model(name))) {
      new GgufConversion(checkpoint, Quantisation.F32).write(file, GgufConversion.Progress.NONE);
    }
    return file;
  }

  /** The qwen3-moe fixture with other metadata. */
  private Path changed(Consumer<GgufMetadataBuilder> change, String... without) throws IOException {
    Path file = directory.resolve("changed.gguf");
    try (GgufModel model = GgufModel.open(converted("qwen3-moe"))) {
      GgufMetadataBuilder metadata = copied(model.metadata(), Set.of(without));
      change.accept(metadata);
      new GgufWriter(
              file,
              metadata,
              model.files().getFirst().tensors().values().stream()
                  .map(GgufCheckpointTest::same)
                  .toList())
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
