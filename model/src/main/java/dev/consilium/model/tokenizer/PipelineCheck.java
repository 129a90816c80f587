package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/**
 * Looks through the normalizer, pre-tokenizer, post-processor and decoder of {@code tokenizer.json}
 * for settings on which the native library does not fail but aborts the process (a Rust panic
 * cannot cross into Java), at once or when a text comes that brings them out. Each was found by
 * feeding the library (tokenizers 0.21.4) altered files. What the library refuses by itself is left
 * to it.
 */
final class PipelineCheck {

  private final Path file;
  private final int maxId;

  PipelineCheck(Path file, int maxId) {
    this.file = file;
    this.maxId = maxId;
  }

  /** Checks a component and those it is made of; nesting is bounded by the reader. */
  void check(JsonNode component) throws TokenizerException {
    switch (component.path("type").asText()) {
      case "Replace" -> checkReplace(component);
      case "FixedLength" -> checkFixedLength(component);
      case "Strip" -> checkStrip(component);
      case "Precompiled" -> checkPrecompiled(component);
      case "TemplateProcessing" -> checkTemplate(component);
      case "BertProcessing", "RobertaProcessing" -> checkEnds(component);
      default -> {}
    }
    for (JsonNode part : component) {
      check(part);
    }
  }

  /** A match of nothing at the end of a text is what the library does not survive. */
  private void checkReplace(JsonNode component) throws TokenizerException {
    JsonNode pattern = component.path("pattern");
    require(
        !pattern.path("String").asText("x").isEmpty()
            && !matchesNothing(pattern.path("Regex").asText("x")),
        "Replace has a pattern that matches the empty text");
  }

  /**
   * Java's regular expressions are close enough to the library's to tell; what only the library
   * understands is left to it.
   */
  private static boolean matchesNothing(String regex) {
    try {
      return Stream.of("", "a", "a b", "1 ", "\n")
          .anyMatch(text ->
              Pattern.compile(regex).matcher(text).results().anyMatch(m -> m.start() == m.end()));
    } catch (PatternSyntaxException notJavas) {
      return false;
    }
  }

  private void checkFixedLength(JsonNode component) throws TokenizerException {
    require(component.path("length").asLong(1) > 0, "FixedLength needs a length of at least 1");
  }

  private void checkStrip(JsonNode component) throws TokenizerException {
    JsonNode stop = component.path("stop");
    require(
        !stop.isNumber() || stop.asDouble() == 0,
        "Strip with stop " + stop + " is not supported, expected 0");
  }

  private void checkTemplate(JsonNode component) throws TokenizerException {
    JsonNode known = component.path("special_tokens");
    for (String sequence : new String[] {"single", "pair"}) {
      for (JsonNode piece : component.path(sequence)) {
        JsonNode token = piece.path("SpecialToken").path("id");
        require(
            token.isMissingNode() || known.has(token.asText()),
            "TemplateProcessing uses " + token + ", which its special_tokens do not define");
      }
    }
    for (JsonNode token : known) {
      require(
          token.path("ids").size() == token.path("tokens").size(),
          "a special token of TemplateProcessing has not as many ids as tokens");
      for (JsonNode id : token.path("ids")) {
        checkId(id);
      }
    }
  }

  private void checkEnds(JsonNode component) throws TokenizerException {
    checkId(component.path("sep").path(1));
    checkId(component.path("cls").path(1));
  }

  private void checkId(JsonNode id) throws TokenizerException {
    boolean inRange = id.isIntegralNumber() && id.canConvertToInt() && id.intValue() >= 0;
    require(
        !id.isNumber() || (inRange && id.intValue() < maxId),
        "a post-processor adds the token id " + id + ", expected 0 to " + (maxId - 1));
  }

  private void checkPrecompiled(JsonNode component) throws TokenizerException {
    boolean sound;
    try {
      byte[] map =
          Base64.getDecoder()
              .decode(
                  component.path("precompiled_charsmap").asText().getBytes(StandardCharsets.UTF_8));
      sound = CharacterMap.isSound(map);
    } catch (IllegalArgumentException notBase64) {
      throw new TokenizerException(
          file, "the precompiled_charsmap of Precompiled is not base64", notBase64);
    }
    require(sound, "the precompiled_charsmap of Precompiled is damaged");
  }

  private void require(boolean holds, String problem) throws TokenizerException {
    if (!holds) {
      throw new TokenizerException(file, problem);
    }
  }
}
