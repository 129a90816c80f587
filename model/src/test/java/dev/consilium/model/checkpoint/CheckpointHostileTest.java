package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every way in which a model directory can be wrong ends in an error that names the thing. */
final class CheckpointHostileTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String INDEX = "model.safetensors.index.json";
  private static final String SHARD_1 = "model-00001-of-00002.safetensors";
  private static final String SHARD_2 = "model-00002-of-00002.safetensors";
  private static final String GATE = "model.layers.0.block_sparse_moe.gate.weight";
  private static final String NORM = "model.norm.weight";

  /** Something done to a copy of the mixtral fixture. */
  interface Damage {
    void to(Path directory) throws IOException;
  }

  @TempDir Path directory;

  @BeforeEach
  void copyFixture() throws IOException {
    for (String file : List.of("config.json", "generation_config.json", "model.safetensors")) {
      Files.copy(
          Fixtures.model("mixtral").resolve(file),
          directory.resolve(file),
          StandardCopyOption.REPLACE_EXISTING);
    }
  }

  static Stream<Arguments> files() {
    List<Arguments> cases = new ArrayList<>();
    damage(
        cases,
        "no config.json",
        "has no config.json",
        at -> Files.delete(at.resolve("config.json")));
    damage(
        cases,
        "config.json empty",
        "config.json: is empty, want JSON",
        at -> text(at, "config.json", ""));
    damage(
        cases,
        "config.json cut off",
        "config.json: is not valid JSON",
        at -> text(at, "config.json", "{\"model_type\":"));
    damage(
        cases,
        "config.json an array",
        "config.json: the configuration is []",
        at -> text(at, "config.json", "[]"));
    damage(
        cases,
        "config.json with a field twice",
        "Duplicate",
        at -> text(at, "config.json", "{\"a\":1,\"a\":1}"));
    damage(
        cases,
        "config.json with a rest",
        "after the end of its JSON",
        at -> text(at, "config.json", "{} {}"));
    damage(
        cases,
        "config.json a depth bomb",
        "nesting depth",
        at -> text(at, "config.json", "[".repeat(1 << 20)));
    damage(
        cases,
        "config.json of 9 MB",
        "want at most 8388608",
        at -> text(at, "config.json", " ".repeat(9 << 20)));
    damage(
        cases,
        "config.json not UTF-8",
        "config.json: is not valid UTF-8",
        at ->
            Files.write(
                at.resolve("config.json"), new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}'}));
    damage(
        cases,
        "config.json a directory",
        "config.json: is a directory",
        at -> {
          Files.delete(at.resolve("config.json"));
          Files.createDirectory(at.resolve("config.json"));
        });
    damage(
        cases,
        "no weights",
        "has neither model.safetensors nor model.safetensors.index.json",
        at -> Files.delete(at.resolve("model.safetensors")));
    damage(
        cases,
        "weights cut off",
        "truncated",
        at -> {
          byte[] all = Files.readAllBytes(at.resolve("model.safetensors"));
          Files.write(at.resolve("model.safetensors"), Arrays.copyOf(all, all.length - 1));
        });
    damage(
        cases,
        "weights of an unfinished download",
        "model.safetensors: header length is",
        at -> text(at, "model.safetensors", "version https://git-lfs.github.com/spec/v1\n"));
    damage(
        cases,
        "a tensor missing",
        "no weight file holds tensor " + GATE + " of shape [8, 64]",
        rewrite(w -> w.remove(GATE)));
    damage(
        cases,
        "a tensor of another shape",
        "tensor " + GATE + ": shape is [64, 8], want [8, 64] by the configuration",
        rewrite(w -> w.add(GATE, "BF16", "[64,8]", new byte[1024])));
    damage(
        cases,
        "a tensor of more dimensions",
        "tensor " + NORM + ": shape is [1, 64], want [64]",
        rewrite(w -> w.add(NORM, "BF16", "[1,64]", new byte[128])));
    damage(
        cases,
        "a tensor of a type we cannot compute with",
        "tensor " + NORM + ": dtype is I16, want one of [F32, BF16, F16",
        rewrite(w -> w.add(NORM, "I16", "[64]", new byte[128])));
    damage(
        cases,
        "a tensor that the family does not have",
        "tensor model.layers.0.self_attn.q_norm.weight: is not part of a mixtral model",
        rewrite(
            w -> w.add("model.layers.0.self_attn.q_norm.weight", "BF16", "[16]", new byte[32])));
    damage(
        cases,
        "a layer more than config.json says",
        "is not part of a mixtral model",
        rewrite(
            w -> w.add("model.layers.2.input_layernorm.weight", "BF16", "[64]", new byte[128])));
    generation(cases, "generation_config.json no object", "[]", "is not a JSON object");
    generation(cases, "generation_config.json broken", "{", "is not valid JSON");
    generation(
        cases, "do_sample a number", "{\"do_sample\":1}", "do_sample is 1, want true or false");
    generation(
        cases, "temperature negative", "{\"temperature\":-1}", "temperature is -1, want a number");
    generation(cases, "temperature infinite", "{\"temperature\":1e999}", "temperature is");
    generation(cases, "top_p of 0", "{\"top_p\":0}", "top_p is 0, want");
    generation(cases, "top_k a fraction", "{\"top_k\":0.5}", "top_k is 0.5, want an integer");
    generation(cases, "top_k negative", "{\"top_k\":-1}", "top_k is -1, want an integer");
    generation(
        cases,
        "end token outside",
        "{\"eos_token_id\":[2,320]}",
        "eos_token_id is [2,320], want ids from 0 to 319");
    generation(
        cases, "end token a text", "{\"eos_token_id\":\"</s>\"}", "eos_token_id is \"</s>\"");
    return cases.stream();
  }

  static Stream<Arguments> configs() {
    List<Arguments> cases = new ArrayList<>();
    config(cases, "model_type", "\"llama\"", "model family llama is not supported; known are ");
    config(cases, "model_type", "null", "field model_type is missing; known are dbrx");
    config(cases, "model_type", "7", "model_type is 7, want a text");
    config(cases, "architectures", "[\"MixtralForSequenceClassification\"]", "architectures is");
    config(
        cases,
        "hidden_size",
        "2147483648",
        "hidden_size is 2147483648, want an integer from 1 to 1048576");
    config(
        cases,
        "hidden_size",
        "99999999999999999999",
        "hidden_size is 99999999999999999999, want an integer");
    config(cases, "hidden_size", "-64", "hidden_size is -64, want an integer");
    config(cases, "hidden_size", "0", "hidden_size is 0, want an integer");
    config(cases, "hidden_size", "64.5", "hidden_size is 64.5, want an integer");
    config(cases, "hidden_size", "\"64\"", "hidden_size is \"64\", want an integer");
    config(cases, "hidden_size", "null", "field hidden_size is missing");
    config(
        cases,
        "hidden_size",
        "63",
        "num_attention_heads is 4, want a divisor of hidden_size, which is 63");
    config(cases, "hidden_size", "128", "shape is [320, 64], want [320, 128] by the configuration");
    config(cases, "vocab_size", "0", "vocab_size is 0");
    config(
        cases,
        "vocab_size",
        "321",
        "tensor model.embed_tokens.weight: shape is [320, 64], want [321, 64]");
    config(
        cases,
        "num_hidden_layers",
        "1000000000",
        "num_hidden_layers is 1000000000, want an integer from 1 to 4096");
    config(
        cases,
        "num_hidden_layers",
        "3",
        "no weight file holds tensor model.layers.2.input_layernorm.weight");
    config(cases, "num_hidden_layers", "1", "tensor model.layers.1");
    config(cases, "num_attention_heads", "0", "num_attention_heads is 0");
    config(
        cases,
        "num_attention_heads",
        "5",
        "num_key_value_heads is 2, want a divisor of num_attention_heads, which is 5");
    config(cases, "num_key_value_heads", "3", "num_key_value_heads is 3, want a divisor");
    config(cases, "num_key_value_heads", "8", "num_key_value_heads is 8, want a divisor");
    config(
        cases,
        "num_key_value_heads",
        "4",
        "tensor model.layers.0.self_attn.k_proj.weight: shape is [32, 64], want [64, 64]");
    config(cases, "head_dim", "7", "is 7 values to turn, want an even number");
    config(cases, "head_dim", "1000000", "head_dim is 1000000, want an integer");
    config(cases, "num_local_experts", "0", "num_local_experts is 0");
    config(cases, "num_local_experts", "1000000", "num_local_experts is 1000000, want an integer");
    config(cases, "num_local_experts", "9", "shape is [8, 64], want [9, 64]");
    config(
        cases,
        "num_experts",
        "7",
        "num_experts is 7, want the same as num_local_experts, which is 8");
    config(
        cases,
        "num_experts_per_tok",
        "9",
        "num_experts_per_tok is 9, want at most the number of experts, which is 8");
    config(cases, "num_experts_per_tok", "0", "num_experts_per_tok is 0");
    config(cases, "intermediate_size", "-1", "intermediate_size is -1");
    config(
        cases, "intermediate_size", "95", "experts.0.w1.weight: shape is [96, 64], want [95, 64]");
    config(cases, "max_position_embeddings", "0", "max_position_embeddings is 0");
    config(cases, "rms_norm_eps", "-1e-5", "rms_norm_eps is");
    config(cases, "rms_norm_eps", "1e999", "rms_norm_eps is");
    config(cases, "rms_norm_eps", "\"1e-5\"", "rms_norm_eps is \"1e-5\", want a finite number");
    config(cases, "rms_norm_eps", "Infinity", "rms_norm_eps is \"Infinity\", want a finite number");
    config(cases, "hidden_size", "NaN", "hidden_size is \"NaN\", want an integer");
    config(cases, "rope_theta", "0", "rope_theta is 0.0, want a finite number above 1");
    config(cases, "rope_theta", "1e39", "rope_theta is 1.0E39, want");
    config(cases, "rope_scaling", "7", "rope_scaling is 7, want a JSON object");
    config(
        cases,
        "rope_scaling",
        "{\"type\":\"cubic\",\"factor\":2}",
        "rope_scaling.type is \"cubic\", want one of [default, linear, dynamic, yarn, llama3");
    config(
        cases,
        "rope_scaling",
        "{\"rope_type\":\"yarn\",\"type\":\"default\"}",
        "rope_scaling.type is \"default\", want the same as rope_type");
    config(
        cases,
        "rope_scaling",
        "{\"rope_type\":\"yarn\",\"factor\":4,\"short_factor\":[1]}",
        "field rope_scaling.short_factor ([1]) is not known");
    config(
        cases,
        "rope_scaling",
        "{\"rope_type\":\"yarn\",\"factor\":0.5}",
        "rope scaling: factor is 0.5");
    config(
        cases,
        "rope_scaling",
        "{\"rope_type\":\"yarn\",\"factor\":1e400}",
        "rope_scaling.factor is");
    config(
        cases,
        "rope_scaling",
        "{\"rope_type\":\"yarn\",\"factor\":4,\"attention_factor\":-1}",
        "attention factor is -1.0");
    config(
        cases,
        "rope_scaling",
        "{\"rope_type\":\"yarn\",\"factor\":4,\"beta_fast\":1,\"beta_slow\":32}",
        "beta_fast is 1.0 and beta_slow 32.0");
    config(
        cases,
        "rope_scaling",
        "{\"rope_type\":\"default\",\"factor\":4}",
        "field rope_scaling.factor (4) is not known");
    config(
        cases,
        "rope_parameters",
        "{\"rope_type\":\"default\",\"rope_theta\":5}",
        "rope_theta is 1000000.0, want 5.0, as the rope parameters say");
    config(
        cases,
        "rope_parameters",
        "{\"full_attention\":{\"rope_type\":\"default\"}}",
        "field rope_parameters.full_attention");
    config(cases, "partial_rotary_factor", "0", "partial_rotary_factor 0.0");
    config(cases, "partial_rotary_factor", "1.5", "partial_rotary_factor 1.5");
    config(cases, "sliding_window", "0", "sliding_window is 0, want at least 1");
    config(cases, "sliding_window", "-4", "sliding_window is -4");
    config(cases, "layer_types", "[\"full_attention\"]", "want 2 entries, one per layer");
    config(
        cases,
        "layer_types",
        "[\"full_attention\",\"chunked_attention\"]",
        "want only full_attention and sliding_attention");
    config(
        cases,
        "layer_types",
        "[\"full_attention\",\"sliding_attention\"]",
        "want full_attention for layer 1, by the window fields");
    config(cases, "hidden_act", "\"gelu\"", "hidden_act is \"gelu\", want \"silu\"");
    config(
        cases,
        "attention_bias",
        "true",
        "attention_bias is true, which is not supported; supported is false");
    config(
        cases,
        "quantization_config",
        "{\"quant_method\":\"awq\"}",
        "quantization_config.quant_method is \"awq\", want \"fp8\" or \"mxfp4\"");
    config(cases, "tie_word_embeddings", "1", "tie_word_embeddings is 1, want true or false");
    config(cases, "bos_token_id", "320", "bos_token_id is 320, want an integer from 0 to 319");
    config(cases, "eos_token_id", "[2,-1]", "eos_token_id is [2,-1], want an integer");
    config(
        cases,
        "norm_topk_prob",
        "true",
        "field norm_topk_prob (true) is not known; it may change the result");
    config(cases, "clip_qkv", "8.0", "field clip_qkv (8.0) is not known");
    config(
        cases,
        "final_logit_softcapping",
        "30.0",
        "field final_logit_softcapping (30.0) is not known");
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("files")
  @Timeout(60)
  void open_damagedDirectory_namesTheProblem(String name, String message, Damage damage)
      throws IOException {
    damage.to(directory);
    assertRefused(name, message);
  }

  @ParameterizedTest(name = "{0} = {1}")
  @MethodSource("configs")
  @Timeout(60)
  void open_hostileConfig_namesTheField(String field, String value, String message)
      throws IOException {
    setConfig(field, value);
    assertRefused(field + " = " + value, message);
  }

  static Stream<Arguments> shards() {
    List<Arguments> cases = new ArrayList<>();
    damage(
        cases,
        "shard missing",
        SHARD_2 + ": does not exist, but " + INDEX + " names it",
        at -> Files.delete(at.resolve(SHARD_2)));
    damage(cases, "shard cut off", SHARD_2 + ": has 0 bytes", at -> text(at, SHARD_2, ""));
    damage(
        cases,
        "shard a directory",
        SHARD_2 + ": is a directory",
        at -> {
          Files.delete(at.resolve(SHARD_2));
          Files.createDirectory(at.resolve(SHARD_2));
        });
    for (String name :
        List.of(
            "../" + SHARD_2,
            "/etc/passwd",
            "a/../" + SHARD_2,
            "..\\\\x.safetensors",
            ".safetensors",
            "shard.bin",
            "a\\u0000.safetensors",
            "")) {
      damage(
          cases,
          "shard named '" + name + "'",
          "tensor " + NORM + " is said to be in ",
          index(
              text -> text.replace("\"" + NORM + "\":\"" + SHARD_2, "\"" + NORM + "\":\"" + name)));
    }
    damage(
        cases,
        "index names the wrong shard",
        INDEX + ": says that tensor " + NORM + " is in " + SHARD_1 + ", but it is not",
        index(text ->
            text.replace("\"" + NORM + "\":\"" + SHARD_2, "\"" + NORM + "\":\"" + SHARD_1)));
    damage(
        cases,
        "index names a tensor that is nowhere",
        "says that tensor ghost is in " + SHARD_1,
        index(text ->
            text.replace("{\"weight_map\":{", "{\"weight_map\":{\"ghost\":\"" + SHARD_1 + "\",")));
    damage(
        cases,
        "index leaves out a tensor",
        SHARD_2 + ": holds tensor " + NORM + ", which " + INDEX + " does not name",
        index(text ->
            text.replace(
                    "\"" + NORM + "\":\"" + SHARD_2 + "\"",
                    "\"lm_head.weight\":\"" + SHARD_1 + "\"")
                .replaceFirst("\"lm_head.weight\":\"[^\"]*\",", "")));
    damage(
        cases,
        "index names a tensor twice",
        "Duplicate",
        index(text ->
            text.replace(
                "{\"weight_map\":{", "{\"weight_map\":{\"" + NORM + "\":\"" + SHARD_1 + "\",")));
    damage(
        cases,
        "index without weight_map",
        INDEX + ": has no weight_map",
        at -> text(at, INDEX, "{\"metadata\":{}}"));
    damage(
        cases,
        "weight_map empty",
        INDEX + ": has no weight_map with tensors",
        at -> text(at, INDEX, "{\"weight_map\":{}}"));
    damage(
        cases,
        "weight_map an array",
        "weight_map is START_ARRAY",
        at -> text(at, INDEX, "{\"weight_map\":[]}"));
    damage(
        cases,
        "weight_map with a number",
        "weight_map.a is VALUE_NUMBER_INT",
        at -> text(at, INDEX, "{\"weight_map\":{\"a\":1}}"));
    damage(cases, "index an array", "index is START_ARRAY", at -> text(at, INDEX, "[]"));
    damage(cases, "index empty", "index is null", at -> text(at, INDEX, ""));
    damage(
        cases,
        "index a depth bomb",
        "is not valid JSON",
        at -> text(at, INDEX, "{\"metadata\":" + "[".repeat(1 << 20)));
    damage(
        cases,
        "tensor in two shards",
        SHARD_2 + ": tensor lm_head.weight is also in " + SHARD_1,
        at -> {
          SafetensorsWriter both = new SafetensorsWriter();
          try (SafetensorsFile one = SafetensorsFile.open(at.resolve(SHARD_1));
              SafetensorsFile two = SafetensorsFile.open(at.resolve(SHARD_2))) {
            both.add(one.tensor("lm_head.weight"));
            two.names().forEach(name -> both.add(two.tensor(name)));
          }
          both.write(at.resolve(SHARD_2));
        });
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("shards")
  @Timeout(60)
  void open_damagedShards_namesTheProblem(String name, String message, Damage damage)
      throws IOException {
    shard(directory);
    damage.to(directory);
    assertRefused(name, message);
  }

  @Test
  void open_sharded_isTheSameModel() throws IOException {
    String whole;
    float[] wanted;
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      whole = checkpoint.fingerprint();
      wanted = checkpoint.tensor(NORM).floats();
    }
    shard(directory);
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      assertThat(checkpoint.fingerprint()).isEqualTo(whole);
      assertThat(checkpoint.tensor(NORM).floats()).isEqualTo(wanted);
    }
  }

  @Test
  void open_noDirectory_saysWhatIsThere() {
    assertThatThrownBy(() -> Checkpoint.open(directory.resolve("none")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("none: does not exist");
    assertThatThrownBy(() -> Checkpoint.open(directory.resolve("model.safetensors")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(
            "model.safetensors: is a file that does not begin as GGUF does, want such a file or a model directory");
  }

  @Test
  void open_harmlessExtras_areAccepted() throws IOException {
    rewrite(w -> w.add("model.layers.0.self_attn.rotary_emb.inv_freq", "F32", "[8]", new byte[32]))
        .to(directory);
    setConfig("num_experts", "8");
    setConfig("layer_types", "[\"full_attention\",\"full_attention\"]");
    setConfig("_name_or_path", "\"x\"");
    setConfig("pretraining_tp", "1");
    setConfig("quantization_config", "null");
    setConfig("rope_scaling", "{\"type\":\"default\"}");
    assertThatCode(() -> Checkpoint.open(directory).close()).doesNotThrowAnyException();
  }

  @Test
  void matrixAndVector_valuesNotFinite_areRefused() throws IOException {
    byte[] norm = new byte[128];
    norm[11] = 0x7f;
    norm[10] = (byte) 0x80;
    byte[] gate = new byte[1024];
    gate[1023] = (byte) 0x7f;
    gate[1022] = (byte) 0xc0;
    rewrite(w -> w.add(NORM, "BF16", "[64]", norm).add(GATE, "BF16", "[8,64]", gate)).to(directory);
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      assertThatThrownBy(() -> checkpoint.vector(NORM, 64))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("tensor " + NORM + ": element 5 is Infinity, want finite values");
      assertThatThrownBy(() -> checkpoint.matrix(GATE, 8, 64))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("tensor " + GATE);
    }
  }

  @Test
  void matrixAndVector_anotherShapeAskedFor_isRefused() {
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      assertThatThrownBy(() -> checkpoint.vector(NORM, 63))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("tensor " + NORM + ": shape is [64], want [63]");
      assertThatThrownBy(() -> checkpoint.matrix(GATE, 64, 8))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("tensor " + GATE + ": shape is [8, 64], want [64, 8]");
      assertThatThrownBy(() -> checkpoint.matrix("nothing", 1, 1))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("no file holds tensor nothing");
    }
  }

  @Test
  void fingerprint_changedWeightsOrMeaning_changesAndHarmlessFieldsDoNot() throws IOException {
    String before = fingerprint();
    setConfig("transformers_version", "\"9.9.9\"");
    setConfig("attention_dropout", "0.5");
    assertThat(fingerprint()).isEqualTo(before);
    setConfig("rope_theta", "999999.0");
    assertThat(fingerprint()).isNotEqualTo(before);
    setConfig("rope_theta", "1000000.0");
    assertThat(fingerprint()).isEqualTo(before);
    rewrite(w -> w.add(NORM, "BF16", "[64]", new byte[128])).to(directory);
    assertThat(fingerprint()).isNotEqualTo(before);
  }

  /** 2,000 seeded mutations of a good configuration: each is refused or harmless. */
  @Test
  @Timeout(300)
  void open_mutatedConfigs_areRefusedOrAccepted() throws IOException {
    long seed = 20260102;
    Random random = new Random(seed);
    byte[] good = Files.readAllBytes(directory.resolve("config.json"));
    int accepted = 0;
    for (int i = 0; i < 2000; i++) {
      Files.write(directory.resolve("config.json"), Mutations.mutate(good, random));
      try (Checkpoint checkpoint = Checkpoint.open(directory)) {
        assertThat(checkpoint.spec().hiddenSize())
            .as("seed %d, mutation %d", seed, i)
            .isEqualTo(64);
        accepted++;
      } catch (CheckpointException e) {
        assertThat(e)
            .as("seed %d, mutation %d", seed, i)
            .hasMessageContaining(directory.toString());
      }
    }
    assertThat(accepted).isBetween(1, 1000);
  }

  private void assertRefused(String name, String message) {
    assertThatThrownBy(() -> Checkpoint.open(directory))
        .as(name)
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith(directory.toString())
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(String.valueOf(e.getMessage()).length()).isLessThan(1500));
  }

  private String fingerprint() {
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      return checkpoint.fingerprint();
    }
  }

  private void setConfig(String field, String json) throws IOException {
    Path file = directory.resolve("config.json");
    ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
    config.remove(field);
    String rest = config.toString();
    // As text, because a tree would not keep 1e999.
    Files.writeString(file, "{\"" + field + "\":" + json + "," + rest.substring(1));
  }

  /** Splits the weights into two shards with an index. */
  private static void shard(Path directory) throws IOException {
    Path whole = directory.resolve("model.safetensors");
    SafetensorsWriter first = new SafetensorsWriter();
    SafetensorsWriter second = new SafetensorsWriter();
    List<String> map = new ArrayList<>();
    try (SafetensorsFile file = SafetensorsFile.open(whole)) {
      for (String name : file.names()) {
        boolean late = name.contains("layers.1") || name.equals(NORM);
        (late ? second : first).add(file.tensor(name));
        map.add("\"%s\":\"%s\"".formatted(name, late ? SHARD_2 : SHARD_1));
      }
    }
    first.write(directory.resolve(SHARD_1));
    second.write(directory.resolve(SHARD_2));
    text(
        directory,
        INDEX,
        "{\"weight_map\":{" + String.join(",", map) + "},\"metadata\":{\"total_size\":1}}");
    Files.delete(whole);
  }

  private static Damage index(UnaryOperator<String> change) {
    return directory -> {
      String before = Files.readString(directory.resolve(INDEX));
      String after = change.apply(before);
      assertThat(after).isNotEqualTo(before);
      text(directory, INDEX, after);
    };
  }

  private static Damage rewrite(Consumer<SafetensorsWriter> change) {
    return directory -> {
      Path file = directory.resolve("model.safetensors");
      SafetensorsWriter writer = new SafetensorsWriter();
      try (SafetensorsFile old = SafetensorsFile.open(file)) {
        old.names().forEach(name -> writer.add(old.tensor(name)));
      }
      change.accept(writer);
      writer.write(file);
    };
  }

  private static void damage(List<Arguments> cases, String name, String message, Damage damage) {
    cases.add(Arguments.of(name, message, damage));
  }

  private static void config(List<Arguments> cases, String field, String value, String message) {
    cases.add(Arguments.of(field, value, message));
  }

  private static void generation(List<Arguments> cases, String name, String json, String message) {
    damage(
        cases,
        name,
        "generation_config.json: " + message,
        at -> text(at, "generation_config.json", json));
  }

  private static void text(Path directory, String file, String content) {
    try {
      Files.write(directory.resolve(file), content.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
