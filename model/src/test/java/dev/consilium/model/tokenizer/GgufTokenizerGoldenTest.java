package dev.consilium.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufModel;
import dev.consilium.model.gguf.GgufTokens;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.tokenizer.TokenizerFixture.Case;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Token ids by tokenizers that were read from GGUF metadata, in the form that other programs write,
 * against those that the models' own tokenizers computed.
 */
class GgufTokenizerGoldenTest {

  @TempDir Path directory;

  static Stream<String> tokenizers() {
    return TokenizerFixture.NAMES.stream();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encodeAndDecode_fromMetadata_equalTheOriginal(String name) throws IOException {
    Tokenizer original = TokenizerFixture.tokenizer(name);
    try (Tokenizer tokenizer = Tokenizer.load(write(name))) {
      for (Case stored : TokenizerFixture.cases(name)) {
        int[] ids = array(stored.ids());
        assertThat(tokenizer.encode(stored.text(), false))
            .as("%s: %s", name, stored.text())
            .containsExactly(ids);
        assertThat(tokenizer.encode(stored.text(), true))
            .as("%s with special tokens: %s", name, stored.text())
            .containsExactly(array(stored.idsWithSpecialTokens().orElse(stored.ids())));
        assertThat(tokenizer.decode(ids, true)).isEqualTo(original.decode(ids, true));
        assertThat(Streams.decode(tokenizer.decoder(false), ids))
            .isEqualTo(Streams.decode(original.decoder(false), ids));
      }
    }
  }

  /** The model's own SentencePiece file has the scores; ours are made of merges otherwise. */
  @Test
  void encode_fromTheScoresOfTheModel_givesStoredIds() throws IOException {
    byte[] model = Files.readAllBytes(Fixtures.tokenizer("mixtral").resolve("tokenizer.model"));
    List<String> pieces = new ArrayList<>();
    List<Float> scores = new ArrayList<>();
    List<Integer> types = new ArrayList<>();
    readPieces(ByteBuffer.wrap(model).order(ByteOrder.LITTLE_ENDIAN), pieces, scores, types);
    float[] all = new float[scores.size()];
    for (int i = 0; i < all.length; i++) {
      all[i] = scores.get(i);
    }
    GgufMetadataBuilder metadata =
        new GgufMetadataBuilder()
            .text("tokenizer.ggml.model", "llama")
            .texts("tokenizer.ggml.tokens", pieces)
            .reals("tokenizer.ggml.scores", all)
            .wholes("tokenizer.ggml.token_type", array(types))
            .whole("tokenizer.ggml.bos_token_id", 1);
    try (Tokenizer tokenizer = Tokenizer.load(write(metadata))) {
      assertThat(tokenizer.vocabularySize()).isEqualTo(32_000);
      assertThat(tokenizer.bosId()).hasValue(1);
      for (Case stored : TokenizerFixture.cases("mixtral")) {
        assertThat(tokenizer.encode(stored.text(), false))
            .as(stored.text())
            .containsExactly(array(stored.ids()));
        assertThat(tokenizer.encode(stored.text(), true))
            .as(stored.text())
            .containsExactly(array(stored.idsWithSpecialTokens().orElseThrow()));
      }
    }
  }

  @Test
  void load_unknownPreTokenizer_isRefusedByName() throws IOException {
    Path file =
        write(
            new GgufMetadataBuilder()
                .text("tokenizer.ggml.model", "gpt2")
                .text("tokenizer.ggml.pre", "somebody-else")
                .texts("tokenizer.ggml.tokens", List.of("a", "b")));
    assertThatThrownBy(() -> Tokenizer.load(file))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("tokenizer.ggml.pre is \"somebody-else\", want one of")
        .hasMessageContaining("qwen2");
  }

  /** Where texts are cut shows in what is merged: there is one merge across two characters. */
  @ParameterizedTest
  @CsvSource({
    "qwen35, q, \u0301, true", // an accent belongs to its letter
    "qwen2, q, \u0301, false",
    "solar-open, a, b, true",
    "solar-open, 1, 2, false",
    "lfm2, 1, 2, true", // up to three digits
    "exaone-moe, a, ' ', true", // several words
    "solar-open, a, ' ', false",
    "exaone-moe, 1, 2, false",
    "kimi-k2, 中, 文, true",
    "kimi-k2, a, 文, false", // Chinese characters by themselves
    "kimi-k2, 1, 2, true",
    "deepseek-llm, a, b, true",
    "deepseek-llm, a, 中, false",
    "deepseek-llm, 1, 2, false"
  })
  void encode_twoCharacters_mergeWhereTheNamedPreTokenizerKeepsThemTogether(
      String name, String left, String right, boolean together) throws IOException {
    List<String> tokens = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      tokens.add(String.valueOf(characterOfByte(b)));
    }
    List<String> merges = new ArrayList<>();
    for (String character : List.of(byteLevel(left), byteLevel(right))) {
      for (int i = 1; i < character.length(); i++) {
        merges.add(character.substring(0, i) + " " + character.charAt(i));
        tokens.add(character.substring(0, i + 1));
      }
    }
    merges.add(byteLevel(left) + " " + byteLevel(right));
    tokens.add(byteLevel(left) + byteLevel(right));
    Path file =
        write(
            new GgufMetadataBuilder()
                .text("tokenizer.ggml.model", "gpt2")
                .text("tokenizer.ggml.pre", name)
                .flag("tokenizer.ggml.add_bos_token", false)
                .texts("tokenizer.ggml.tokens", tokens)
                .texts("tokenizer.ggml.merges", merges));
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      int both = tokens.size() - 1;
      assertThat(
              Arrays.stream(tokenizer.encode(left + right + "c", false)).anyMatch(i -> i == both))
          .isEqualTo(together);
    }
  }

  /** The characters that stand for the bytes of a text. */
  private static String byteLevel(String text) {
    StringBuilder characters = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      characters.append(characterOfByte(b & 0xff));
    }
    return characters.toString();
  }

  /** Printing bytes of Latin-1 stand for themselves, the others come from U+0100 on. */
  private static char characterOfByte(int b) {
    int others = 256;
    for (int i = 0; i < 256; i++) {
      boolean prints = (i > 32 && i < 127) || (i > 160 && i != 173);
      if (i == b) {
        return (char) (prints ? i : others);
      }
      others += prints ? 0 : 1;
    }
    throw new AssertionError(b + " is no byte");
  }

  @Test
  void load_unknownKind_isRefusedByName() throws IOException {
    Path file =
        write(
            new GgufMetadataBuilder()
                .text("tokenizer.ggml.model", "t5")
                .texts("tokenizer.ggml.tokens", List.of("a", "b")));
    assertThatThrownBy(() -> Tokenizer.load(file))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("tokenizer.ggml.model is \"t5\", want \"gpt2\" or \"llama\"");
  }

  @Test
  void load_typesForOtherTokens_isRefused() throws IOException {
    Path file =
        write(
            new GgufMetadataBuilder()
                .text("tokenizer.ggml.model", "gpt2")
                .texts("tokenizer.ggml.tokens", List.of("a", "b"))
                .wholes("tokenizer.ggml.token_type", new int[] {1}));
    assertThatThrownBy(() -> Tokenizer.load(file))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("has 1 token types for 2 tokens");
  }

  /** Each of n such tokens can be put together of two others in as many ways as it has letters. */
  @Test
  void load_scoredTokensOfMillionsOfMerges_areRefused() throws IOException {
    List<String> tokens = new ArrayList<>();
    for (int length = 1; length <= 500; length++) {
      tokens.add("a".repeat(length));
    }
    Path file =
        write(
            new GgufMetadataBuilder()
                .text("tokenizer.ggml.model", "llama")
                .texts("tokenizer.ggml.tokens", tokens)
                .reals("tokenizer.ggml.scores", new float[tokens.size()]));
    TokenizerOptions options = new TokenizerOptions(1 << 20, 1 << 20, 1 << 20);
    assertThatThrownBy(() -> Tokenizer.load(file, options))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("its 500 tokens can be put together in so many ways");
  }

  @Test
  void names_allInTheTable_loadAndEncode() throws IOException {
    for (String pre : PreTokenizer.names()) {
      Path file =
          write(
              new GgufMetadataBuilder()
                  .text("tokenizer.ggml.model", "gpt2")
                  .text("tokenizer.ggml.pre", pre)
                  .texts("tokenizer.ggml.tokens", List.of("a", "b", "ab", "1", "<|end|>"))
                  .wholes("tokenizer.ggml.token_type", new int[] {1, 1, 1, 1, 3})
                  .texts("tokenizer.ggml.merges", List.of("a b"))
                  .whole("tokenizer.ggml.bos_token_id", 4)
                  .flag("tokenizer.ggml.add_bos_token", true));
      try (Tokenizer tokenizer = Tokenizer.load(file)) {
        assertThat(tokenizer.encode("ab1<|end|>ba", true))
            .as(pre)
            .containsExactly(4, 2, 3, 4, 1, 0);
      }
    }
  }

  /** Of names that mean the same, one is written; what it means is read back. */
  @Test
  void nameOf_whatANameMeans_isANameThatMeansIt() {
    for (String name : PreTokenizer.names()) {
      PreTokenizer meaning = PreTokenizer.named(name).orElseThrow();
      ObjectNode json = JsonNodeFactory.instance.objectNode();
      json.set("pre_tokenizer", meaning.json());
      // As in files of DeepSeek and of Qwen.
      ArrayNode normalizers =
          json.putObject("normalizer").put("type", "Sequence").putArray("normalizers");
      if (meaning.compose()) {
        normalizers.addObject().put("type", "NFC");
      }
      json.putObject("model").put("ignore_merges", meaning.wholeWords());
      PreTokenizer found =
          PreTokenizer.nameOf(json)
              .flatMap(PreTokenizer::named)
              .orElseThrow(() -> new AssertionError(name + " is not found"));
      assertThat(found.json()).as(name).isEqualTo(meaning.json());
      assertThat(found.compose()).as(name).isEqualTo(meaning.compose());
      assertThat(found.wholeWords()).as(name).isEqualTo(meaning.wholeWords());
    }
  }

  @Test
  void nameOf_normalizerThatFilesHaveNoWordFor_isNone() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.set("pre_tokenizer", PreTokenizer.named("qwen2").orElseThrow().json());
    json.putObject("model");
    json.putObject("normalizer").put("type", "Lowercase");
    assertThat(PreTokenizer.nameOf(json)).isEmpty();
  }

  /** As Llama 3 has it: what begins a text is added by one of several steps. */
  @Test
  void write_templateAmongOtherSteps_addsTheBeginning() throws IOException {
    ObjectNode json = (ObjectNode) JsonFile.MAPPER.readTree(json("olmoe"));
    String text = json.path("added_tokens").path(0).path("content").asText();
    ObjectNode sequence = json.putObject("post_processor").put("type", "Sequence");
    ArrayNode steps = sequence.putArray("processors");
    steps.addObject().put("type", "ByteLevel");
    ObjectNode template = steps.addObject().put("type", "TemplateProcessing");
    ArrayNode single = template.putArray("single");
    single.addObject().putObject("SpecialToken").put("id", text).put("type_id", 0);
    single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    GgufMetadataBuilder metadata = new GgufMetadataBuilder();
    TokenizerConfig config =
        new TokenizerConfig(Map.of("bos_token", text), List.of(), Optional.empty());
    assertThat(described(json.toString(), config, 50_400, metadata)).isEmpty();
    try (Tokenizer tokenizer = Tokenizer.load(write(metadata))) {
      int id = json.path("added_tokens").path(0).path("id").asInt();
      assertThat(tokenizer.encode("a", true)).startsWith(id).hasSize(2);
    }
  }

  /** As GLM has it: other programs would put the wrong token there. */
  @Test
  void write_templateThatBeginsOtherwise_addsNothing() throws IOException {
    ObjectNode json = (ObjectNode) JsonFile.MAPPER.readTree(json("mixtral"));
    GgufMetadataBuilder metadata =
        new GgufMetadataBuilder().whole("tokenizer.ggml.bos_token_id", 2);
    GgufTokenizerWriter.write(
        json.toString(),
        Path.of("tokenizer.json"),
        new TokenizerConfig(Map.of(), List.of(), Optional.empty()),
        OptionalInt.of(2),
        List.of(),
        32_000,
        metadata);
    try (Tokenizer tokenizer = Tokenizer.load(write(metadata))) {
      assertThat(tokenizer.encode("a", true)).isEqualTo(tokenizer.encode("a", false));
    }
  }

  /** Tokens that are known by their text leave the keys to others. */
  @Test
  void write_severalTokensThatEndAnAnswer_areAllFound() throws IOException {
    ObjectNode json = (ObjectNode) JsonFile.MAPPER.readTree(json("qwen3"));
    List<Integer> ends = new ArrayList<>(List.of(151_645, 151_643)); // <|im_end|>, <|endoftext|>
    ends.addAll(List.of(151_657, 151_659));
    GgufMetadataBuilder metadata = new GgufMetadataBuilder();
    assertThat(
            GgufTokenizerWriter.write(
                json.toString(),
                Path.of("tokenizer.json"),
                new TokenizerConfig(Map.of(), List.of(), Optional.empty()),
                OptionalInt.empty(),
                ends,
                151_936,
                metadata))
        .isEmpty();
    try (GgufModel model = GgufModel.open(write(metadata))) {
      assertThat(GgufTokens.endOfText(model.metadata())).containsExactlyInAnyOrderElementsOf(ends);
    }
  }

  /** Other programs find no tokenizer then, but what special tokens are called is kept. */
  @Test
  void write_unknownToOtherPrograms_keepsTheTokens() throws IOException {
    ObjectNode json = (ObjectNode) JsonFile.MAPPER.readTree(json("olmoe"));
    json.putObject("normalizer").put("type", "Lowercase");
    String text = json.path("added_tokens").path(0).path("content").asText();
    GgufMetadataBuilder metadata = new GgufMetadataBuilder();
    TokenizerConfig config =
        new TokenizerConfig(Map.of("eos_token", text), List.of(), Optional.empty());
    assertThat(described(json.toString(), config, 50_400, metadata))
        .singleElement()
        .asString()
        .contains("find no tokenizer in the file");
    assertThat(TokenizerConfig.load(write(metadata)).eosToken()).contains(text);
  }

  /** Writes what a tokenizer.json and its configuration say, and returns the remarks. */
  private static List<String> described(
      String json, TokenizerConfig config, int size, GgufMetadataBuilder metadata)
      throws IOException {
    return GgufTokenizerWriter.write(
        json, Path.of("tokenizer.json"), config, OptionalInt.empty(), List.of(), size, metadata);
  }

  private Path write(String name) throws IOException {
    String json = json(name);
    int size = TokenizerFixture.tokenizer(name).vocabularySize();
    GgufMetadataBuilder metadata = new GgufMetadataBuilder().text("general.name", name);
    TokenizerConfig config = TokenizerConfig.load(Fixtures.tokenizer(name));
    described(json, config, size, metadata);
    return write(metadata);
  }

  private Path write(GgufMetadataBuilder metadata) throws IOException {
    Path file = directory.resolve("tokenizer.gguf");
    new GgufWriter(file, metadata, List.of()).write((tensor, sink) -> {});
    return file;
  }

  private static String json(String name) throws IOException {
    Path plain = Fixtures.tokenizer(name).resolve("tokenizer.json");
    if (Files.exists(plain)) {
      return Files.readString(plain, StandardCharsets.UTF_8);
    }
    try (InputStream in =
        new GZIPInputStream(Files.newInputStream(plain.resolveSibling("tokenizer.json.gz")))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** Field 1 of the outer message: pieces; of these, fields 1 (text), 2 (score) and 3 (type). */
  private static void readPieces(
      ByteBuffer model, List<String> pieces, List<Float> scores, List<Integer> types) {
    while (model.hasRemaining()) {
      int tag = varint(model);
      if (tag != (1 << 3 | 2)) {
        return;
      }
      int end = varint(model);
      end += model.position();
      types.add(1);
      scores.add(0f);
      while (model.position() < end) {
        switch (varint(model)) {
          case 1 << 3 | 2 -> {
            byte[] text = new byte[varint(model)];
            model.get(text);
            pieces.add(new String(text, StandardCharsets.UTF_8));
          }
          case 2 << 3 | 5 -> scores.set(scores.size() - 1, model.getFloat());
          case 3 << 3 -> types.set(types.size() - 1, varint(model));
          default -> throw new AssertionError("a piece has a field that is not expected");
        }
      }
    }
  }

  private static int varint(ByteBuffer bytes) {
    int value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = bytes.get();
      value |= (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
  }

  private static int[] array(List<Integer> ids) {
    return Arrays.stream(ids.toArray(Integer[]::new)).mapToInt(Integer::intValue).toArray();
  }
}
