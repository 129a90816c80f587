package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class InspectCommandTest {
  private static final String MODEL = Fixtures.model("mixtral").toString();
  private static final ObjectMapper MAPPER = new ObjectMapper();

  @TempDir private Path directory;

  /** Keys and values of two heads of 16, in two layers; in q8_0 with a scale for each head. */
  @Test
  void inspect_json_countsKeysAndValuesOfEveryDtype() throws IOException {
    JsonNode model = json(MODEL);
    assertThat(model.get("kvDtype").asText()).isEqualTo("f16");
    JsonNode bytes = model.get("keyValueBytesPerTokenOfDtype");
    int elements = 2 * 2 * 16 * 2;
    assertThat(bytes.get("f32").asInt()).isEqualTo(elements * 4);
    assertThat(bytes.get("f16").asInt()).isEqualTo(elements * 2);
    assertThat(bytes.get("bf16").asInt()).isEqualTo(elements * 2);
    assertThat(bytes.get("q8_0").asInt()).isEqualTo(elements + 2 * 2 * 2 * 4);
    assertThat(model.get("fullContextKeyValueBytesOfDtype").get("f16").asInt())
        .isEqualTo(elements * 2 * model.get("contextLength").asInt());
  }

  @Test
  void inspect_text_saysWhatACacheWouldTake() {
    assertThat(Ran.command("inspect", MODEL).output())
        .contains("kv-dtype", "f16 by itself", "f32 512 bytes", "f16 256 bytes", "q8_0 160 bytes");
  }

  /** A window of 16 in all three layers. */
  @Test
  void inspect_slidingWindow_keepsTheWindowOnly() throws IOException {
    JsonNode model = json(Fixtures.model("mixtral-swa").toString());
    long perToken = model.get("keyValueBytesPerTokenOfDtype").get("f32").asLong();
    assertThat(model.get("windowedKeyValueBytesPerTokenOfDtype").get("f32").asLong())
        .isEqualTo(perToken);
    assertThat(model.get("fullContextKeyValueBytesOfDtype").get("f32").asLong())
        .isEqualTo(16 * perToken);
    assertThat(Ran.command("inspect", Fixtures.model("mixtral-swa").toString()).output())
        .contains("sees the last 16 keys", "9.00 KiB for a full context");
  }

  @Test
  void inspect_deepseekV3_explainsEveryPart() {
    assertThat(Ran.command("inspect", Fixtures.model("deepseek-v3-fp8").toString()).output())
        .contains(
            "deepseek_v3 (DeepseekV3ForCausalLM)",
            "latent: 4 heads of 32, queries by way of 48 values",
            "neighbours paired",
            "layer 0: dense: SwiGLU of width 112",
            "layers 1-2: 8 experts, 2 for each token",
            "sigmoid of each logit; a correction bias on the choice alone; from the best 1 of 2"
                + " groups",
            "renormalised to sum to 1, times 2.5",
            "F8_E4M3 309 KiB",
            "in memory     748 KiB");
  }

  @ParameterizedTest
  @FieldSource("dev.consilium.testkit.Fixtures#MODELS")
  void inspect_configAlone_sameSizesAsWithWeights(String name) throws IOException {
    Path model = Fixtures.model(name);
    Files.copy(model.resolve("config.json"), directory.resolve("config.json"));
    JsonNode with = json(model.toString());
    for (Path alone : new Path[] {directory, directory.resolve("config.json")}) {
      JsonNode without = json(alone.toString());
      assertThat(without.get("weightsPresent").asBoolean()).isFalse();
      assertThat(without.get("supported").asBoolean()).isTrue();
      for (String same :
          new String[] {"totalParameters", "activeParameters", "kindsOfLayers", "kvDtype"}) {
        assertThat(without.get(same)).as(same).isEqualTo(with.get(same));
      }
      // Correction biases and gates may be f32 where all else is bf16; no configuration says so.
      assertThat(without.get("totalBytes").asDouble() / with.get("totalBytes").asDouble())
          .isBetween(0.99, 1.0);
      // Files may hold more than is used: layers that predict further tokens.
      double least =
          switch (name) {
            case "deepseek-v3-mtp" -> 0.5;
            case "qwen3_5_moe" -> 0.97;
            default -> 0.99;
          };
      assertThat(sum(without.get("storedBytesOfType")) / sum(with.get("storedBytesOfType")))
          .isBetween(least, 1.0);
    }
  }

  @Test
  void inspect_configAlone_saysThatThereAreNoWeights() throws IOException {
    Files.copy(Fixtures.model("olmoe").resolve("config.json"), directory.resolve("config.json"));
    Ran ran = Ran.command("inspect", directory.toString());
    assertThat(ran.status()).isZero();
    assertThat(ran.output()).contains("there are none here: by its configuration BF16");
  }

  /** Published: 20.9 billion parameters, 3.6 billion active, files of 13.8 GB. */
  @Test
  void inspect_publishedConfig_givesThePublishedSizes() throws IOException {
    ObjectNode config = MAPPER.createObjectNode();
    config.put("model_type", "gpt_oss").put("hidden_size", 2880).put("intermediate_size", 2880);
    config.put("num_hidden_layers", 24).put("num_attention_heads", 64).put("head_dim", 64);
    config.put("num_key_value_heads", 8).put("vocab_size", 201_088).put("sliding_window", 128);
    config.put("num_local_experts", 32).put("num_experts_per_tok", 4);
    config.put("max_position_embeddings", 131_072);
    config.putObject("quantization_config").put("quant_method", "mxfp4");
    JsonNode model = json(written(config).toString());
    assertThat(model.get("totalParameters").asLong()).isEqualTo(20_914_757_184L);
    assertThat(model.get("activeParameters").asLong()).isBetween(4_100_000_000L, 4_200_000_000L);
    assertThat(sum(model.get("storedBytesOfType"))).isBetween(13.7e9, 13.8e9);
  }

  @Test
  void inspect_unknownFields_namesAllOfThemInOneLine() throws IOException {
    ObjectNode config = config("qwen3-moe");
    config.put("zebra_scale", 2.5);
    config.put("antelope_mode", "fast");
    Ran ran = Ran.command("inspect", written(config).toString());
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.output()).contains("refused", "zebra_scale (2.5)", "antelope_mode (\"fast\")");
    assertThat(ran.complaints()).hasSize(1);
    assertThat(ran.errors()).contains("zebra_scale").doesNotContain("\tat ");
  }

  @Test
  void inspect_unknownFamily_jsonSaysWhichAreKnown() throws IOException {
    ObjectNode config = config("qwen3-moe");
    config.put("model_type", "unheard_of");
    Ran ran = Ran.command("inspect", "--json", written(config).toString());
    assertThat(ran.status()).isEqualTo(1);
    JsonNode model = MAPPER.readTree(ran.output());
    assertThat(model.get("supported").asBoolean()).isFalse();
    assertThat(model.get("problem").asText())
        .contains("model family unheard_of is not supported", "mixtral");
  }

  @Test
  void inspect_damagedWeights_explainsTheConfigurationAndTheDamage() throws IOException {
    written(config("qwen3-moe"));
    Files.write(directory.resolve("model.safetensors"), new byte[12]);
    Ran ran = Ran.command("inspect", directory.toString());
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.output())
        .contains("not usable: by its configuration", "16 experts, 4 for each token", "refused");
    assertThat(ran.errors()).contains("model.safetensors");
  }

  /** 4096 layers of 16384 experts: sizes of what nobody could hold are not counted. */
  @Test
  void inspect_hostileConfig_isRefusedAtOnce() throws IOException {
    ObjectNode config = config("mixtral");
    config.put("num_hidden_layers", 4096);
    config.put("num_local_experts", 16_384);
    Ran ran = Ran.command("inspect", written(config).toString());
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.errors()).contains("describes 201326592 matrices of experts");
  }

  @Test
  void inspect_severalModels_explainsTheOthers() {
    Ran ran = Ran.command("inspect", "--json", MODEL, directory.resolve("no").toString());
    assertThat(ran.status()).isEqualTo(1);
    assertThat(ran.output()).contains("\"family\" : \"mixtral\"");
    assertThat(ran.errors()).contains("does not exist");
  }

  @Test
  void inspect_gguf_saysTypesOfTheFile() throws IOException {
    Path file = directory.resolve("m.gguf");
    assertThat(Ran.command("quantize", MODEL, file.toString(), "--type", "q8_0").status()).isZero();
    JsonNode model = json(file.toString());
    assertThat(model.get("totalParameters")).isEqualTo(json(MODEL).get("totalParameters"));
    assertThat(model.get("storedBytesOfType").has("Q8_0")).isTrue();
  }

  private static ObjectNode config(String model) throws IOException {
    Path file = Fixtures.model(model).resolve("config.json");
    return (ObjectNode) MAPPER.readTree(file.toFile());
  }

  private Path written(ObjectNode config) throws IOException {
    MAPPER.writeValue(directory.resolve("config.json").toFile(), config);
    return directory;
  }

  private static JsonNode json(String model) throws IOException {
    Ran ran = Ran.command("inspect", "--json", model);
    assertThat(ran.status()).as(ran.errors()).isZero();
    return MAPPER.readTree(ran.output());
  }

  private static double sum(JsonNode numbers) {
    double sum = 0;
    for (JsonNode number : numbers) {
      sum += number.asDouble();
    }
    return sum;
  }
}
