package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The part of {@code tokenizer.json} that the native library does not let us ask for: token texts
 * and ids, which tokens are special, and how the file says that tokens are joined to text. Reading
 * it also checks the file's outline before native code sees it.
 *
 * <p>Immutable after construction.
 */
final class Vocabulary {

  /** How the decoder of {@code tokenizer.json} joins tokens. */
  enum Joining {
    /** Tokens stand for bytes; the text is the UTF-8 reading of all of them. */
    BYTE_LEVEL,
    /** Tokens stand for text, but for tokens such as {@code <0x0A>} that stand for one byte. */
    BYTE_FALLBACK,
    /** Anything else. */
    OTHER
  }

  private final Path file;
  private final int maxSize;
  private final Map<String, Integer> ids = new HashMap<>();
  private final List<@Nullable String> texts = new ArrayList<>();
  private final BitSet special = new BitSet();
  private final List<Integer> added = new ArrayList<>();
  private Joining joining = Joining.OTHER;

  private Vocabulary(Path file, int maxSize) {
    this.file = file;
    this.maxSize = maxSize;
  }

  static Vocabulary parse(Path file, String json, int maxSize) throws TokenizerException {
    Vocabulary vocabulary = new Vocabulary(file, maxSize);
    try (JsonParser parser = JsonFile.MAPPER.createParser(json)) {
      vocabulary.readRoot(parser);
    } catch (TokenizerException e) {
      throw e;
    } catch (IOException e) {
      throw JsonFile.malformed(file, e);
    }
    if (vocabulary.texts.isEmpty()) {
      throw vocabulary.wrong("has no tokens: expected \"model\" with a \"vocab\"");
    }
    return vocabulary;
  }

  /** One more than the highest token id. */
  int size() {
    return texts.size();
  }

  OptionalInt id(String token) {
    Integer id = ids.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** The token as the file spells it, empty for ids that no token has. */
  Optional<String> text(int id) {
    return id < 0 || id >= texts.size() ? Optional.empty() : Optional.ofNullable(texts.get(id));
  }

  /** The ids of {@code added_tokens}, in the file's order. */
  List<Integer> added() {
    return added;
  }

  boolean isSpecial(int id) {
    return id >= 0 && special.get(id);
  }

  Joining joining() {
    return joining;
  }

  /**
   * The byte that a token such as {@code <0x0A>} stands for when the decoder falls back to bytes.
   */
  OptionalInt byteOf(int id) {
    String text = joining == Joining.BYTE_FALLBACK ? text(id).orElse("") : "";
    if (text.length() != 6 || !text.startsWith("<0x") || !text.endsWith(">")) {
      return OptionalInt.empty();
    }
    int high = Character.digit(text.charAt(3), 16);
    int low = Character.digit(text.charAt(4), 16);
    return high < 0 || low < 0 ? OptionalInt.empty() : OptionalInt.of(high << 4 | low);
  }

  private void readRoot(JsonParser parser) throws IOException {
    require(parser.nextToken(), JsonToken.START_OBJECT, "the file");
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (name) {
        case "model" -> readModel(parser, value);
        case "added_tokens" -> readAddedTokens(parser, value);
        case "decoder" -> joining = joining(component(parser));
        case "normalizer", "pre_tokenizer", "post_processor" -> component(parser);
        default -> parser.skipChildren();
      }
    }
    if (parser.nextToken() != null) {
      throw wrong("has text after the end of its JSON object");
    }
  }

  private JsonNode component(JsonParser parser) throws IOException {
    JsonNode component = JsonFile.MAPPER.readTree(parser);
    new PipelineCheck(file, maxSize).check(component);
    return component;
  }

  private void readModel(JsonParser parser, JsonToken start) throws IOException {
    require(start, JsonToken.START_OBJECT, "\"model\"");
    boolean merges = false;
    boolean prefixed = false;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      merges |= name.equals("merges");
      prefixed |=
          name.equals("continuing_subword_prefix")
              && value == JsonToken.VALUE_STRING
              && !parser.getText().isEmpty();
      if (name.equals("vocab") && value == JsonToken.START_OBJECT) {
        readTokenIds(parser);
      } else if (name.equals("vocab")) {
        readScoredTokens(parser, value);
      } else {
        parser.skipChildren();
      }
    }
    if (merges && prefixed) {
      // The native library takes the prefix off every merge's right part, and aborts where there is
      // none.
      throw wrong("a BPE model with a continuing_subword_prefix is not supported");
    }
  }

  /** BPE, WordPiece, WordLevel: {@code {"token": id, ...}}. */
  private void readTokenIds(JsonParser parser) throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String token = parser.currentName();
      require(parser.nextToken(), JsonToken.VALUE_NUMBER_INT, "the id of token " + quoted(token));
      put(token, parser.getLongValue());
    }
  }

  /** Unigram: {@code [["token", score], ...]}, the id being the position. */
  private void readScoredTokens(JsonParser parser, JsonToken start) throws IOException {
    require(start, JsonToken.START_ARRAY, "\"vocab\" of \"model\"");
    for (int id = 0; parser.nextToken() != JsonToken.END_ARRAY; id++) {
      require(parser.currentToken(), JsonToken.START_ARRAY, "entry " + id + " of \"vocab\"");
      require(parser.nextToken(), JsonToken.VALUE_STRING, "the token of entry " + id);
      put(parser.getText(), id);
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        parser.skipChildren();
      }
    }
  }

  private void readAddedTokens(JsonParser parser, JsonToken start) throws IOException {
    if (start == JsonToken.VALUE_NULL) {
      return;
    }
    require(start, JsonToken.START_ARRAY, "\"added_tokens\"");
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      JsonNode token = JsonFile.MAPPER.readTree(parser);
      JsonNode id = token.path("id");
      JsonNode content = token.path("content");
      if (!id.isIntegralNumber() || !content.isTextual()) {
        throw wrong("each of \"added_tokens\" needs an integer \"id\" and a string \"content\"");
      }
      put(content.textValue(), id.longValue());
      added.add(id.intValue());
      special.set(id.intValue(), token.path("special").asBoolean());
    }
  }

  private void put(String token, long id) throws TokenizerException {
    if (id < 0 || id >= maxSize) {
      throw wrong("token " + quoted(token) + " has id " + id + ", expected 0 to " + (maxSize - 1));
    }
    while (texts.size() <= id) {
      texts.add(null);
    }
    texts.set((int) id, token);
    ids.put(token, (int) id);
  }

  private static Joining joining(JsonNode decoder) {
    String type = decoder.path("type").asText();
    if (type.equals("ByteLevel")) {
      return Joining.BYTE_LEVEL;
    }
    JsonNode parts = decoder.path("decoders");
    if (type.equals("Sequence") && parts.size() == 1) {
      return joining(parts.path(0));
    }
    boolean fallsBack = type.equals("ByteFallback");
    for (JsonNode part : parts) {
      fallsBack |= part.path("type").asText().equals("ByteFallback");
    }
    return fallsBack ? Joining.BYTE_FALLBACK : Joining.OTHER;
  }

  private void require(@Nullable JsonToken found, JsonToken expected, String what)
      throws TokenizerException {
    if (found != expected) {
      throw wrong(what + " must be " + expected + ", found " + found);
    }
  }

  private TokenizerException wrong(String problem) {
    return new TokenizerException(file, problem);
  }

  private static String quoted(String token) {
    return '"' + (token.length() <= 40 ? token : token.substring(0, 40) + "...") + '"';
  }
}
