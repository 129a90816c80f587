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
import java.util.OptionalInt;

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
    Path file = directory.resolve("tokenizer.json");
    if (!Files.exists(file)) {
      metadata.text(GgufTokenizerKeys.MODEL, GgufTokenizerKeys.NONE);
      List<String> remarks = new ArrayList<>(ends(ends, metadata));
      remarks.add("%s has no tokenizer.json, so the file has no tokenizer".formatted(directory));
      return remarks;
    }
    String json = JsonFile.read(file, TokenizerOptions.DEFAULT.maxFileBytes());
    TokenizerConfig config = TokenizerConfig.load(directory);
    List<String> remarks =
        write(
            json, file, config, spec.tokens().beginOfText(), ends, spec.vocabularySize(), metadata);
    metadata.text(GgufTokenizerKeys.HUGGING_FACE, json);
    template(directory).ifPresent(text -> metadata.text(GgufTokenizerKeys.CHAT_TEMPLATE, text));
    return remarks;
  }

  /**
   * Writes only the form that other programs read.
   *
   * @param begin the token that begins a text, if it is written already
   */
  static List<String> write(
      String json,
      Path file,
      TokenizerConfig config,
      OptionalInt begin,
      List<Integer> ends,
      int size,
      GgufMetadataBuilder metadata)
      throws TokenizerException {
    JsonNode tokenizer;
    try {
      tokenizer = JsonFile.MAPPER.readTree(json);
    } catch (IOException e) {
      throw JsonFile.malformed(file, e);
    }
    GgufTokenizerWriter writer = new GgufTokenizerWriter(tokenizer, size, metadata);
    writer.collect(file);
    List<String> remarks = new ArrayList<>(writer.roles(config, begin, ends));
    if (!writer.kind()) {
      remarks.add(
          "GGUF has no name for what %s does, so that programs other than Consilium find no"
                  .formatted(file)
              + " tokenizer in the file");
    }
    return remarks;
  }

  /**
   * Names tokens that end an answer, as many as there are keys. Which key has which makes no
   * difference: programs ask whether a token is among them.
   */
  private static List<String> ends(List<Integer> ends, GgufMetadataBuilder metadata) {
    List<String> keys = GgufTokens.END_KEYS;
    for (int i = 0; i < Math.min(ends.size(), keys.size()); i++) {
      metadata.whole(keys.get(i), ends.get(i));
    }
    return ends.size() <= keys.size()
        ? List.of()
        : List.of(
            "GGUF has keys for %d tokens that end an answer, so that of %s the last may not"
                .formatted(keys.size(), ends));
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

  private List<String> roles(TokenizerConfig config, OptionalInt begin, List<Integer> ends) {
    List<Integer> named = new ArrayList<>(ends);
    // Those whose text is known need no key but for the first.
    named.removeIf(id -> !id.equals(ends.getFirst()) && endsByText(id));
    if (named.isEmpty()) {
      idOf(config, "eos_token").ifPresent(named::add);
    }
    List<String> remarks = ends(named, metadata);
    idOf(config, "unk_token").ifPresent(id -> metadata.whole(GgufTokenizerKeys.UNKNOWN, id));
    idOf(config, "pad_token").ifPresent(id -> metadata.whole(GgufTokenizerKeys.PADDING, id));
    List<JsonNode> single = new ArrayList<>();
    TokenizerSteps.of(tokenizer.path("post_processor"), "processors").stream()
        .filter(step -> step.path("type").asText().equals("TemplateProcessing"))
        .forEach(step -> step.path("single").forEach(single::add));
    OptionalInt first = single.isEmpty() ? OptionalInt.empty() : special(single.getFirst());
    OptionalInt last = single.size() < 2 ? OptionalInt.empty() : special(single.getLast());
    OptionalInt bos = begin.isPresent() ? begin : idOf(config, "bos_token");
    bos = bos.isPresent() ? bos : first;
    if (bos.isPresent() && begin.isEmpty()) {
      metadata.whole(GgufTokenizerKeys.BOS, bos.getAsInt());
    }
    // The flags mean these tokens; a template may begin or end with others.
    metadata.flag(GgufTokenizerKeys.ADD_BOS, first.isPresent() && first.equals(bos));
    metadata.flag(
        GgufTokenizerKeys.ADD_EOS,
        last.isPresent() && !named.isEmpty() && last.getAsInt() == named.getFirst());
    return remarks;
  }

  private boolean endsByText(int id) {
    return id >= 0 && id < tokens.length && GgufTokens.endsByText(tokens[id], types[id]);
  }

  private OptionalInt idOf(TokenizerConfig config, String role) {
    String token = config.specialTokens().get(role);
    return token == null ? OptionalInt.empty() : idOf(token);
  }

  /** The token that a part of a template stands for, if it is no text. */
  private OptionalInt special(JsonNode part) {
    return part.has("SpecialToken")
        ? idOf(part.path("SpecialToken").path("id").asText())
        : OptionalInt.empty();
  }

  private OptionalInt idOf(String token) {
    int id = Arrays.asList(tokens).indexOf(token);
    return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
  }
}
