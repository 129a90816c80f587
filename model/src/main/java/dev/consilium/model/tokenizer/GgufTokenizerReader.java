package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.model.gguf.GgufException;
import dev.consilium.model.gguf.GgufMetadata;
import dev.consilium.model.gguf.GgufModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Makes of a GGUF file's metadata the {@code tokenizer.json} and the {@link TokenizerConfig} that
 * mean the same:
 *
 * <ul>
 *   <li>{@code gpt2}: byte-level BPE with the merges of the file and the words that the name of its
 *       pre-tokenizer stands for;
 *   <li>{@code llama}: BPE over characters, spaces written as U+2581, with bytes for what has no
 *       token. Files have no merges but scores: two pieces merge if they are a token together, the
 *       higher score first.
 * </ul>
 *
 * <p>Control tokens are found in the text before anything else and are special; user-defined ones
 * are found and are text.
 */
final class GgufTokenizerReader {

  private static final String SPACE = "\u2581";

  /**
   * More bytes than any piece of a scored vocabulary has; a longer one has no merges of its own.
   */
  private static final int MAX_MERGED_LENGTH = 512;

  private static final Set<String> KEEPS_SPACES = Set.of("<unk>", "<s>", "<|endoftext|>");

  private final GgufMetadata metadata;
  private final int maxBytes;
  private final List<String> tokens;
  private final int[] types;

  /** By token; of one that is there twice the first, in their order. */
  private final Map<String, Integer> ids = new LinkedHashMap<>();

  private final ObjectNode root = JsonNodeFactory.instance.objectNode();

  private GgufTokenizerReader(GgufMetadata metadata, int maxBytes) {
    this.metadata = metadata;
    this.maxBytes = maxBytes;
    this.tokens = metadata.texts(GgufTokenizerKeys.TOKENS, maxBytes);
    this.types = types();
    for (int id = 0; id < tokens.size(); id++) {
      ids.putIfAbsent(tokens.get(id), id);
    }
  }

  private int[] types() {
    int[] stated = metadata.wholes(GgufTokenizerKeys.TYPES, maxBytes);
    if (!metadata.has(GgufTokenizerKeys.TYPES)) {
      int[] normal = new int[tokens.size()];
      java.util.Arrays.fill(normal, GgufTokenizerKeys.NORMAL);
      return normal;
    }
    if (stated.length != tokens.size()) {
      throw metadata.wrong(
          "has %d token types for %d tokens".formatted(stated.length, tokens.size()));
    }
    return stated;
  }

  /** The text of the {@code tokenizer.json} that means the same. */
  static String json(Path file, TokenizerOptions options) throws TokenizerException {
    return read(
        file,
        metadata -> {
          Optional<String> whole = metadata.text(GgufTokenizerKeys.HUGGING_FACE);
          return whole.isPresent()
              ? whole.get()
              : new GgufTokenizerReader(metadata, options.maxFileBytes()).json();
        });
  }

  /** Special tokens by their roles, and the chat template. */
  static TokenizerConfig config(Path file) throws TokenizerException {
    return read(file, GgufTokenizerReader::config);
  }

  private static <T> T read(Path file, Function<GgufMetadata, T> reading)
      throws TokenizerException {
    try (GgufModel model = GgufModel.open(file)) {
      return reading.apply(model.metadata());
    } catch (GgufException e) {
      throw new TokenizerException(file, "has no tokenizer that can be used: " + e.problem(), e);
    }
  }

  private static TokenizerConfig config(GgufMetadata metadata) {
    int most = TokenizerOptions.DEFAULT.maxFileBytes();
    List<String> tokens = metadata.texts(GgufTokenizerKeys.TOKENS, most);
    Map<String, String> roles = new LinkedHashMap<>();
    Map<String, String> keys =
        Map.of(
            "bos_token", GgufTokenizerKeys.BOS,
            "eos_token", GgufTokenizerKeys.EOS,
            "unk_token", GgufTokenizerKeys.UNKNOWN,
            "pad_token", GgufTokenizerKeys.PADDING);
    keys.forEach((role, key) -> {
      OptionalInt id = token(metadata, key, tokens.size());
      id.ifPresent(value -> roles.put(role, tokens.get(value)));
    });
    return new TokenizerConfig(roles, List.of(), metadata.text(GgufTokenizerKeys.CHAT_TEMPLATE));
  }

  private static OptionalInt token(GgufMetadata metadata, String key, int count) {
    return count == 0 || !metadata.has(key)
        ? OptionalInt.empty()
        : metadata.whole(key, 0, count - 1);
  }

  private String json() {
    String model =
        metadata
            .text(GgufTokenizerKeys.MODEL)
            .orElseThrow(() -> metadata.wrong("has no metadata key " + GgufTokenizerKeys.MODEL));
    if (tokens.isEmpty()) {
      throw metadata.wrong("has no tokens in " + GgufTokenizerKeys.TOKENS);
    }
    root.put("version", "1.0").putNull("truncation").putNull("padding");
    addedTokens();
    switch (model) {
      case GgufTokenizerKeys.BYTE_LEVEL -> byteLevel();
      case GgufTokenizerKeys.SCORED -> scored();
      default ->
          throw metadata.unwanted(
              GgufTokenizerKeys.MODEL,
              "\"%s\" or \"%s\"".formatted(GgufTokenizerKeys.BYTE_LEVEL, GgufTokenizerKeys.SCORED));
    }
    try {
      return JsonFile.MAPPER.writeValueAsString(root);
    } catch (JsonProcessingException impossible) {
      throw new IllegalStateException("a tree of texts could not be written", impossible);
    }
  }

  private void addedTokens() {
    ArrayNode added = root.putArray("added_tokens");
    String name = metadata.text("general.name").orElse("").toLowerCase(Locale.ROOT);
    boolean swallows = name.contains("phi-3") || name.contains("phi3");
    for (int id = 0; id < tokens.size(); id++) {
      int type = types[id];
      if (type == GgufTokenizerKeys.CONTROL
          || type == GgufTokenizerKeys.USER_DEFINED
          || type == GgufTokenizerKeys.UNKNOWN_TOKEN) {
        added
            .addObject()
            .put("id", id)
            .put("content", tokens.get(id))
            .put("single_word", false)
            .put("lstrip", false)
            .put("rstrip", swallows && swallowsSpaces(id))
            .put("normalized", false)
            .put("special", type != GgufTokenizerKeys.USER_DEFINED);
      }
    }
  }

  /**
   * Whether spaces after an added token belong to it. Files cannot say so; Phi-3 is the family that
   * has such tokens, and other programs know it by its name too.
   */
  private boolean swallowsSpaces(int id) {
    return !KEEPS_SPACES.contains(tokens.get(id));
  }

  private void byteLevel() {
    String name = metadata.text(GgufTokenizerKeys.PRE).orElse("default");
    PreTokenizer pre =
        PreTokenizer.named(name)
            .orElseThrow(() ->
                metadata.unwanted(
                    GgufTokenizerKeys.PRE, "one of " + String.join(", ", PreTokenizer.names())));
    if (pre.compose()) {
      root.putObject("normalizer").put("type", "NFC");
    } else {
      root.putNull("normalizer");
    }
    root.set("pre_tokenizer", pre.json());
    surround(pre.beginOfText());
    PreTokenizer.byteLevel(root.putObject("decoder"), false);
    ObjectNode model = bpe();
    model.putNull("unk_token").put("fuse_unk", false).put("byte_fallback", false);
    model.put("ignore_merges", pre.wholeWords());
    vocabulary(model);
    List<String> merges = metadata.texts(GgufTokenizerKeys.MERGES, maxBytes);
    for (String merge : merges) {
      if (merge.indexOf(' ', 1) < 0) {
        throw metadata.wrong("has a merge without a space between its two tokens: " + merge);
      }
    }
    merges(model, merges.stream().map(merge -> parts(merge, merge.indexOf(' ', 1), 1)));
  }

  private void scored() {
    boolean prefix = metadata.flag(GgufTokenizerKeys.ADD_SPACE).orElse(true);
    ObjectNode normalizer = root.putObject("normalizer").put("type", "Sequence");
    ArrayNode steps = normalizer.putArray("normalizers");
    if (prefix) {
      steps.addObject().put("type", "Prepend").put("prepend", SPACE);
    }
    replace(steps.addObject(), " ", SPACE);
    root.putNull("pre_tokenizer");
    surround(true);
    ArrayNode decoders = root.putObject("decoder").put("type", "Sequence").putArray("decoders");
    replace(decoders.addObject(), SPACE, " ");
    decoders.addObject().put("type", "ByteFallback");
    decoders.addObject().put("type", "Fuse");
    if (prefix) {
      decoders.addObject().put("type", "Strip").put("content", " ").put("start", 1).put("stop", 0);
    }
    ObjectNode model = bpe();
    unknown()
        .ifPresentOrElse(token -> model.put("unk_token", token), () -> model.putNull("unk_token"));
    model.put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
    vocabulary(model);
    merges(model, scoredMerges().stream().map(merge -> parts(merge.token(), merge.at(), 0)));
  }

  private Optional<String> unknown() {
    OptionalInt id = token(metadata, GgufTokenizerKeys.UNKNOWN, tokens.size());
    if (id.isPresent()) {
      return Optional.of(tokens.get(id.getAsInt()));
    }
    for (int i = 0; i < types.length; i++) {
      if (types[i] == GgufTokenizerKeys.UNKNOWN_TOKEN) {
        return Optional.of(tokens.get(i));
      }
    }
    return Optional.empty();
  }

  private static void replace(ObjectNode into, String from, String to) {
    into.put("type", "Replace").putObject("pattern").put("String", from);
    into.put("content", to);
  }

  private ObjectNode bpe() {
    ObjectNode model = root.putObject("model").put("type", "BPE");
    model.putNull("dropout").putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    return model;
  }

  /** All tokens, added ones too: those that the model lacked would get other ids. */
  private void vocabulary(ObjectNode model) {
    model.putPOJO("vocab", ids);
  }

  /** Made as they are written: a tree of them would take ten times their text. */
  private static void merges(ObjectNode model, Stream<String[]> merges) {
    model.putPOJO("merges", merges.iterator());
  }

  /** What comes before a place in a text, and what comes so many characters after it. */
  private static String[] parts(String text, int at, int gap) {
    return new String[] {text.substring(0, at), text.substring(at + gap)};
  }

  /** A token of two that come together at a place. */
  private record Merge(String token, int at, float score) {

    /** Most memory that it takes, and its text. */
    static long bytes(String token) {
      return 64 + 2L * token.length();
    }

    int leftLength() {
      return token.codePointCount(0, at);
    }
  }

  private List<Merge> scoredMerges() {
    float[] scores = metadata.reals(GgufTokenizerKeys.SCORES, maxBytes);
    if (scores.length != tokens.size()) {
      throw metadata.wrong("has %d scores for %d tokens".formatted(scores.length, tokens.size()));
    }
    List<Merge> merges = new ArrayList<>();
    long bytes = 0;
    for (int id = 0; id < scores.length; id++) {
      if (types[id] == GgufTokenizerKeys.NORMAL && Float.isFinite(scores[id])) {
        int before = merges.size();
        addMerges(tokens.get(id), scores[id], merges);
        bytes += (merges.size() - before) * Merge.bytes(tokens.get(id));
      }
      if (bytes > maxBytes) {
        throw metadata.wrong(
            "its %d tokens can be put together in so many ways that these take more than %d bytes"
                .formatted(tokens.size(), maxBytes));
      }
    }
    // Among the ways to make one token, the longer left piece first, as the converters of the
    // models' own tokenizers do.
    merges.sort(
        Comparator.comparingDouble(Merge::score).thenComparingInt(Merge::leftLength).reversed());
    return merges;
  }

  private void addMerges(String token, float score, List<Merge> merges) {
    if (token.length() > MAX_MERGED_LENGTH) {
      return;
    }
    for (int at = 1; at < token.length(); at++) {
      if (!Character.isLowSurrogate(token.charAt(at))
          && isPiece(token.substring(0, at))
          && isPiece(token.substring(at))) {
        merges.add(new Merge(token, at, score));
      }
    }
  }

  private boolean isPiece(String text) {
    Integer id = ids.get(text);
    return id != null && types[id] == GgufTokenizerKeys.NORMAL;
  }

  /** What begins and ends every text. */
  private void surround(boolean beginByDefault) {
    Optional<String> first =
        metadata.flag(GgufTokenizerKeys.ADD_BOS).orElse(beginByDefault)
            ? named(GgufTokenizerKeys.BOS)
            : Optional.empty();
    Optional<String> last =
        metadata.flag(GgufTokenizerKeys.ADD_EOS).orElse(false)
            ? named(GgufTokenizerKeys.EOS)
            : Optional.empty();
    if (first.isEmpty() && last.isEmpty()) {
      root.putNull("post_processor");
      return;
    }
    ObjectNode template = root.putObject("post_processor").put("type", "TemplateProcessing");
    ArrayNode single = template.putArray("single");
    first.ifPresent(token -> special(single, token));
    single.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    last.ifPresent(token -> special(single, token));
    ArrayNode pair = template.putArray("pair");
    pair.addObject().putObject("Sequence").put("id", "A").put("type_id", 0);
    pair.addObject().putObject("Sequence").put("id", "B").put("type_id", 0);
    ObjectNode specials = template.putObject("special_tokens");
    first.ifPresent(token -> define(specials, token));
    last.ifPresent(token -> define(specials, token));
  }

  private Optional<String> named(String key) {
    OptionalInt id = token(metadata, key, tokens.size());
    return id.isPresent() ? Optional.of(tokens.get(id.getAsInt())) : Optional.empty();
  }

  private static void special(ArrayNode into, String token) {
    into.addObject().putObject("SpecialToken").put("id", token).put("type_id", 0);
  }

  private void define(ObjectNode into, String token) {
    ObjectNode one = into.putObject(token).put("id", token);
    one.putArray("ids").add(ids.getOrDefault(token, 0));
    one.putArray("tokens").add(token);
  }
}
