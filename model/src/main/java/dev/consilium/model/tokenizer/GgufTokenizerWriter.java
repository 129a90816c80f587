package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufTokens;
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
   * @param ends the tokens that end an answer
   * @return what its owner should know, in sentences: what the file does not say
   */
  public static List<String> write(
      Path directory, ModelSpec spec, List<Integer> ends, GgufMetadataBuilder metadata)
      throws IOException {
    spec.tokens().beginOfText().ifPresent(id -> metadata.whole(GgufTokenizerKeys.BOS, id));
    for (int i = 0; i < Math.min(ends.size(), GgufTokens.END_KEYS.size()); i++) {
      metadata.whole(GgufTokens.END_KEYS.get(i), ends.get(i));
    }
    List<String> remarks = new ArrayList<>();
    if (ends.size() > GgufTokens.END_KEYS.size()) {
      remarks.add(
          "a GGUF file names %d tokens that end an answer, so that of %s the others will not"
              .formatted(GgufTokens.END_KEYS.size(), ends));
    }
    Path file = directory.resolve("tokenizer.json");
    if (!Files.exists(file)) {
      metadata.text(GgufTokenizerKeys.MODEL, GgufTokenizerKeys.NONE);
      remarks.add("%s has no tokenizer.json, so the file has no tokenizer".formatted(directory));
      return remarks;
    }
    String json = JsonFile.read(file, TokenizerOptions.DEFAULT.maxFileBytes());
    if (!write(json, file, TokenizerConfig.load(directory), spec.vocabularySize(), metadata)) {
      remarks.add(
          "GGUF has no name for what %s does, so that programs other than Consilium find no"
                  .formatted(file)
              + " tokenizer in the file");
    }
    metadata.text(GgufTokenizerKeys.HUGGING_FACE, json);
    template(directory).ifPresent(text -> metadata.text(GgufTokenizerKeys.CHAT_TEMPLATE, text));
    return remarks;
  }

  /**
   * Writes only the form that other programs read.
   *
   * @return whether they can
   */
  static boolean write(
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
    writer.roles(config);
    return writer.kind();
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

  private boolean kind() {
    metadata.texts(GgufTokenizerKeys.TOKENS, List.of(tokens));
    metadata.wholes(GgufTokenizerKeys.TYPES, types);
    boolean fallsBack = tokenizer.path("model").path("byte_fallback").asBoolean();
    Optional<String> name = PreTokenizer.nameOf(tokenizer);
    if (!tokenizer.path("model").path("type").asText().equals("BPE")
        || (!fallsBack && name.isEmpty())) {
      // Other programs see no tokenizer; we read the whole tokenizer.json.
      metadata.text(GgufTokenizerKeys.MODEL, GgufTokenizerKeys.NONE);
      return false;
    }
    List<String> merges = merges();
    metadata.text(
        GgufTokenizerKeys.MODEL,
        fallsBack ? GgufTokenizerKeys.SCORED : GgufTokenizerKeys.BYTE_LEVEL);
    metadata.text(GgufTokenizerKeys.PRE, fallsBack ? "default" : name.orElseThrow());
    if (fallsBack) {
      metadata.reals(GgufTokenizerKeys.SCORES, scores(merges));
      metadata.flag(GgufTokenizerKeys.ADD_SPACE, prepends());
    } else {
      metadata.texts(GgufTokenizerKeys.MERGES, merges);
    }
    return true;
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
    List<JsonNode> single = new ArrayList<>();
    TokenizerSteps.of(tokenizer.path("post_processor"), "processors").stream()
        .filter(step -> step.path("type").asText().equals("TemplateProcessing"))
        .forEach(step -> step.path("single").forEach(single::add));
    metadata.flag(
        GgufTokenizerKeys.ADD_BOS, !single.isEmpty() && single.getFirst().has("SpecialToken"));
    metadata.flag(
        GgufTokenizerKeys.ADD_EOS, single.size() > 1 && single.getLast().has("SpecialToken"));
  }
}
