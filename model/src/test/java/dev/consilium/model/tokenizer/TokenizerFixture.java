package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.GZIPInputStream;

/**
 * The tokenizers of the reference fixtures, each loaded once per test run, and their stored cases.
 */
final class TokenizerFixture {

  static final List<String> NAMES = List.of("gpt-oss", "mixtral", "olmoe", "phi-3.5-moe", "qwen3");

  private static final Map<String, Tokenizer> LOADED = new ConcurrentHashMap<>();

  private TokenizerFixture() {}

  /**
   * One stored case.
   *
   * @param decoded what decoding {@code ids} gives, where stored
   * @param idsWithSpecialTokens the encoding with the post-processor's tokens, where stored
   */
  record Case(
      String text,
      List<Integer> ids,
      Optional<String> decoded,
      Optional<List<Integer>> idsWithSpecialTokens) {}

  static Tokenizer tokenizer(String name) {
    return LOADED.computeIfAbsent(name, TokenizerFixture::load);
  }

  static List<Case> cases(String name) throws IOException {
    Path file = Fixtures.tokenizer(name).resolve("cases.json");
    List<Case> cases = new ArrayList<>();
    for (JsonNode node : new ObjectMapper().readTree(file.toFile()).path("cases")) {
      cases.add(
          new Case(
              node.path("text").textValue(),
              ids(node.path("ids")),
              Optional.ofNullable(node.path("decoded").textValue()),
              Optional.of(node.path("ids_with_special_tokens"))
                  .filter(JsonNode::isArray)
                  .map(TokenizerFixture::ids)));
    }
    return cases;
  }

  private static List<Integer> ids(JsonNode array) {
    List<Integer> ids = new ArrayList<>();
    array.forEach(id -> ids.add(id.intValue()));
    return ids;
  }

  private static Tokenizer load(String name) {
    try {
      Path directory = Fixtures.tokenizer(name);
      return Tokenizer.load(
          Files.exists(directory.resolve("tokenizer.json")) ? directory : unpacked(directory));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** A copy of a directory whose tokenizer.json is stored compressed. */
  private static Path unpacked(Path directory) throws IOException {
    Path copy = Files.createTempDirectory("consilium-tokenizer");
    Path json = copy.resolve("tokenizer.json");
    Path config = copy.resolve("tokenizer_config.json");
    try (InputStream in =
        new GZIPInputStream(Files.newInputStream(directory.resolve("tokenizer.json.gz")))) {
      Files.copy(in, json, StandardCopyOption.REPLACE_EXISTING);
    }
    Files.copy(directory.resolve("tokenizer_config.json"), config);
    for (Path file : List.of(copy, json, config)) {
      file.toFile().deleteOnExit();
    }
    return copy;
  }
}
