package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes the tokenizer and the chat template of a model directory as GGUF metadata: in the form
 * that other programs read, as far as that can say it, and whole in {@code
 * tokenizer.huggingface.json}, which we read.
 */
public final class GgufTokenizerWriter {

  private static final int MAX_TEMPLATE_BYTES = 4 << 20;

  private final JsonNode tokenizer;
  private final GgufMetadataBuilder metadata;
  private final String[] tokens;
  private final int[] types;

  private GgufTokenizerWriter(JsonNode tokenizer, int size, GgufMetadataBuilder metadata) {
    this.tokenizer = tokenizer;
    this.metadata = metadata;
    this.tokens = new String[size];
    this.types = new int[size];
    Arrays.setAll(tokens, id -> "[PAD" + id + "]");
    Arrays.fill(types, GgufTokenizerKeys.UNUSED);
  }

  /**
   * Writes what the directory has; {@code none} as the kind if it has no tokenizer.
   *
   * @param spec of the model: files have as many tokens as the model has rows for
   */
  public static void write(Path directory, ModelSpec spec, GgufMetadataBuilder metadata)
      throws IOException {
    spec.tokens().beginOfText().ifPresent(id -> metadata.whole(GgufTokenizerKeys.BOS, id));
    spec.tokens().endOfText().stream()
        .findFirst()
        .ifPresent(id -> metadata.whole(GgufTokenizerKeys.EOS, id));
    Path file = directory.resolve("tokenizer.json");
    if (!Files.exists(file)) {
      metadata.text(GgufTokenizerKeys.MODEL, "none");
      return;
    }
    String json = JsonFile.read(file, TokenizerOptions.DEFAULT.maxFileBytes());
    write(json, file, TokenizerConfig.load(directory), spec.vocabularySize(), metadata);
    metadata.text(GgufTokenizerKeys.HUGGING_FACE, json);
    template(directory).ifPresent(text -> metadata.text(GgufTokenizerKeys.CHAT_TEMPLATE, text));
  }

  /** Writes only the form that other programs read. */
  static void write(
      String json, Path file, TokenizerConfig config, int size, GgufMetadataBuilder metadata)
      throws TokenizerException {
    JsonNode tokenizer;
    try {
      tokenizer = JsonFile.MAPPER.readTree(json);
    } catch (IOException e) {
      throw JsonFile.malformed(file, e);
    }
    GgufTokenizerWriter writer = new GgufTokenizerWriter(tokenizer, size, metadata);
    writer.collect(file);
    writer.kind();
    writer.roles(config);
  }

  private static Optional<String> template(Path directory) throws IOException {
    Path file = directory.resolve("chat_template.jinja");
    if (!Files.exists(file)) {
      return TokenizerConfig.load(directory).chatTemplate();
    }
    if (Files.size(file) > MAX_TEMPLATE_BYTES) {
      throw new TokenizerException(file, "is larger than " + MAX_TEMPLATE_BYTES + " bytes");
    }
    return Optional.of(Files.readString(file, StandardCharsets.UTF_8));
  }

  private void collect(Path file) throws TokenizerException {
    JsonNode vocabulary = tokenizer.path("model").path("vocab");
    for (Map.Entry<String, JsonNode> token : vocabulary.properties()) {
      boolean single = token.getKey().matches("<0x[0-9A-F]{2}>");
      put(
          file,
          token.getValue().asInt(-1),
          token.getKey(),
          single ? GgufTokenizerKeys.BYTE : GgufTokenizerKeys.NORMAL);
    }
    String unknown = tokenizer.path("model").path("unk_token").asText();
    for (JsonNode added : tokenizer.path("added_tokens")) {
      String content = added.path("content").asText();
      int type =
          added.path("special").asBoolean()
              ? GgufTokenizerKeys.CONTROL
              : GgufTokenizerKeys.USER_DEFINED;
      put(
          file,
          added.path("id").asInt(-1),
          content,
          content.equals(unknown) ? GgufTokenizerKeys.UNKNOWN_TOKEN : type);
    }
  }

  private void put(Path file, int id, String token, int type) throws TokenizerException {
    if (id < 0 || id >= tokens.length) {
      throw new TokenizerException(
          file,
          "gives token \"%s\" the id %d, but the model has rows for %d tokens only"
              .formatted(token, id, tokens.length));
    }
    tokens[id] = token;
    types[id] = type;
  }

  private void kind() {
    boolean fallsBack = tokenizer.path("model").path("byte_fallback").asBoolean();
    Optional<String> name = PreTokenizer.nameOf(tokenizer);
    if (!tokenizer.path("model").path("type").asText().equals("BPE")
        || (!fallsBack && name.isEmpty())) {
      // Other programs refuse the file; we read the whole tokenizer.json.
      metadata.text(GgufTokenizerKeys.MODEL, "none");
      return;
    }
    List<String> merges = merges();
    metadata.text(
        GgufTokenizerKeys.MODEL,
        fallsBack ? GgufTokenizerKeys.SCORED : GgufTokenizerKeys.BYTE_LEVEL);
    metadata.text(GgufTokenizerKeys.PRE, fallsBack ? "default" : name.orElseThrow());
    metadata.texts(GgufTokenizerKeys.TOKENS, List.of(tokens));
    metadata.wholes(GgufTokenizerKeys.TYPES, types);
    if (fallsBack) {
      metadata.reals(GgufTokenizerKeys.SCORES, scores(merges));
      metadata.flag(GgufTokenizerKeys.ADD_SPACE, prepends());
    } else {
      metadata.texts(GgufTokenizerKeys.MERGES, merges);
    }
  }

  private boolean prepends() {
    JsonNode normalizer = tokenizer.path("normalizer");
    return normalizer.toString().contains("Prepend")
        || tokenizer.path("pre_tokenizer").toString().matches(".*\"(first|always)\".*");
  }

  private List<String> merges() {
    List<String> merges = new ArrayList<>();
    for (JsonNode merge : tokenizer.path("model").path("merges")) {
      merges.add(
          merge.isTextual()
              ? merge.textValue()
              : merge.path(0).asText() + " " + merge.path(1).asText());
    }
    return merges;
  }

  /** The earlier a token is merged, the higher it scores. */
  private float[] scores(List<String> merges) {
    Map<String, Integer> ranks = new HashMap<>();
    for (int rank = 0; rank < merges.size(); rank++) {
      int space = merges.get(rank).indexOf(' ', 1);
      ranks.putIfAbsent(
          merges.get(rank).substring(0, space) + merges.get(rank).substring(space + 1), rank);
    }
    float[] scores = new float[tokens.length];
    for (int id = 0; id < scores.length; id++) {
      scores[id] =
          types[id] == GgufTokenizerKeys.NORMAL
              ? -ranks.getOrDefault(tokens[id], merges.size())
              : 0;
    }
    return scores;
  }

  private void roles(TokenizerConfig config) {
    Map<String, String> keys =
        Map.of(
            "bos_token", GgufTokenizerKeys.BOS,
            "eos_token", GgufTokenizerKeys.EOS,
            "unk_token", GgufTokenizerKeys.UNKNOWN,
            "pad_token", GgufTokenizerKeys.PADDING);
    List<String> all = Arrays.asList(tokens);
    keys.forEach((role, key) -> {
      String token = config.specialTokens().get(role);
      int id = token == null ? -1 : all.indexOf(token);
      if (id >= 0 && !metadata.has(key)) {
        metadata.whole(key, id);
      }
    });
    JsonNode single = tokenizer.path("post_processor").path("single");
    boolean template =
        tokenizer.path("post_processor").path("type").asText().equals("TemplateProcessing");
    metadata.flag(GgufTokenizerKeys.ADD_BOS, template && single.path(0).has("SpecialToken"));
    metadata.flag(
        GgufTokenizerKeys.ADD_EOS,
        template && single.size() > 1 && single.path(single.size() - 1).has("SpecialToken"));
  }
}
