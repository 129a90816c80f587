package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.model.gguf.GgufException;
import dev.consilium.model.gguf.GgufModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What we use of {@code tokenizer_config.json}.
 *
 * @param specialTokens the tokens named by role, for example {@code "bos_token" -> "<s>"}; roles
 *     without a token are absent
 * @param additionalSpecialTokens {@code additional_special_tokens}, in the file's order
 * @param chatTemplate the source of the chat template kept in this file, if there is one
 */
public record TokenizerConfig(
    Map<String, String> specialTokens,
    List<String> additionalSpecialTokens,
    Optional<String> chatTemplate) {

  private static final String FILE = "tokenizer_config.json";
  private static final int MAX_BYTES = 32 << 20;
  private static final List<String> ROLES =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  /** Takes copies. */
  public TokenizerConfig {
    specialTokens = Map.copyOf(specialTokens);
    additionalSpecialTokens = List.copyOf(additionalSpecialTokens);
  }

  /** The configuration of a directory that has none. */
  public static TokenizerConfig empty() {
    return new TokenizerConfig(Map.of(), List.of(), Optional.empty());
  }

  /** The GGUF file that holds the tokenizer, unless the path is a directory that has its own. */
  static Optional<Path> gguf(Path model) throws TokenizerException {
    if (Files.exists(model.resolve("tokenizer.json"))) {
      return Optional.empty();
    }
    try {
      return GgufModel.find(model);
    } catch (GgufException e) {
      throw new TokenizerException(model, String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * Reads {@code tokenizer_config.json} of a model directory, or the metadata of a GGUF file.
   *
   * @return an empty configuration when there is no such file
   * @throws TokenizerException if the file is there and cannot be used
   */
  public static TokenizerConfig load(Path modelDirectory) throws TokenizerException {
    Optional<Path> gguf = gguf(modelDirectory);
    if (gguf.isPresent()) {
      return GgufTokenizerReader.config(gguf.get());
    }
    Path file = modelDirectory.resolve(FILE);
    if (!Files.exists(file)) {
      return empty();
    }
    JsonNode root = parse(file);
    return new TokenizerConfig(roles(file, root), additional(file, root), template(file, root));
  }

  /** The token that begins a text, if the model has one. */
  public Optional<String> bosToken() {
    return Optional.ofNullable(specialTokens.get("bos_token"));
  }

  /** The token that ends a text, if the model has one. */
  public Optional<String> eosToken() {
    return Optional.ofNullable(specialTokens.get("eos_token"));
  }

  private static JsonNode parse(Path file) throws TokenizerException {
    JsonNode root;
    try {
      root = JsonFile.MAPPER.readTree(JsonFile.read(file, MAX_BYTES));
    } catch (TokenizerException e) {
      throw e;
    } catch (IOException e) {
      throw JsonFile.malformed(file, e);
    }
    if (!root.isObject()) {
      throw new TokenizerException(file, "must hold a JSON object, found " + kind(root));
    }
    return root;
  }

  private static Map<String, String> roles(Path file, JsonNode root) throws TokenizerException {
    Map<String, String> tokens = new LinkedHashMap<>();
    for (String role : ROLES) {
      JsonNode value = root.path(role);
      if (!value.isMissingNode() && !value.isNull()) {
        tokens.put(role, tokenText(file, role, value));
      }
    }
    return tokens;
  }

  private static List<String> additional(Path file, JsonNode root) throws TokenizerException {
    String key = "additional_special_tokens";
    JsonNode values = root.path(key);
    if (values.isMissingNode() || values.isNull()) {
      return List.of();
    }
    if (!values.isArray()) {
      throw new TokenizerException(file, key + " must be a list, found " + kind(values));
    }
    List<String> tokens = new ArrayList<>();
    for (JsonNode value : values) {
      tokens.add(tokenText(file, key, value));
    }
    return tokens;
  }

  /** A token is written as its text, or as an object that has the text as {@code content}. */
  private static String tokenText(Path file, String key, JsonNode value) throws TokenizerException {
    JsonNode text = value.isObject() ? value.path("content") : value;
    if (!text.isTextual()) {
      throw new TokenizerException(
          file,
          key + " must be a string or an object with the string \"content\", found " + kind(value));
    }
    return text.textValue();
  }

  private static Optional<String> template(Path file, JsonNode root) throws TokenizerException {
    JsonNode value = root.path("chat_template");
    if (value.isMissingNode() || value.isNull()) {
      return Optional.empty();
    }
    if (value.isTextual()) {
      return Optional.of(value.textValue());
    }
    if (value.isArray()) {
      return namedTemplate(file, value);
    }
    throw new TokenizerException(
        file, "chat_template must be a string or a list, found " + kind(value));
  }

  private static Optional<String> namedTemplate(Path file, JsonNode list)
      throws TokenizerException {
    List<String> names = new ArrayList<>();
    for (JsonNode entry : list) {
      JsonNode name = entry.path("name");
      JsonNode template = entry.path("template");
      if (!name.isTextual() || !template.isTextual()) {
        throw new TokenizerException(
            file, "each entry of chat_template needs the strings \"name\" and \"template\"");
      }
      if (name.textValue().equals("default")) {
        return Optional.of(template.textValue());
      }
      names.add(name.textValue());
    }
    if (names.isEmpty()) {
      return Optional.empty();
    }
    throw new TokenizerException(
        file, "chat_template has no entry named \"default\", found " + names);
  }

  private static String kind(JsonNode node) {
    return node.isMissingNode()
        ? "nothing"
        : node.getNodeType().name().toLowerCase(java.util.Locale.ROOT);
  }
}
