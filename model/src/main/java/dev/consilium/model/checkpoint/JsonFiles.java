package dev.consilium.model.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * JSON of unknown origin, read with bounds on size, depth and lengths; a name given twice is an
 * error.
 */
final class JsonFiles {

  private static final long MAX_CHARACTERS = 100_000_000;
  private static final int MAX_DEPTH = 32;
  private static final int MAX_NAME = 1024;
  private static final int MAX_TEXT = 8 << 20;
  private static final int MAX_NUMBER = 64;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxDocumentLength(MAX_CHARACTERS)
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNameLength(MAX_NAME)
                  .maxStringLength(MAX_TEXT)
                  .maxNumberLength(MAX_NUMBER)
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // Interned and cached names outlive the file; a hostile one must not fill the JVM's
          // tables.
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private static final ObjectMapper TREES = new ObjectMapper(FACTORY);

  private JsonFiles() {}

  /** Reads with a parser; {@code T} is what it makes of the JSON. */
  interface Reading<T> {
    T read(JsonParser parser) throws IOException;
  }

  /**
   * A whole file as a tree.
   *
   * @param maxBytes a larger file is refused unread
   */
  static JsonNode tree(Path file, long maxBytes) {
    return file(
        file,
        maxBytes,
        parser -> {
          // Python's writer makes Infinity of an infinite number, though JSON has none.
          parser.enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS.mappedFeature());
          JsonNode tree = TREES.readTree(parser);
          if (tree == null) {
            throw new CheckpointException(file, "is empty, want JSON");
          }
          return tree;
        });
  }

  /** A whole file, token by token. */
  static <T> T file(Path file, long maxBytes, Reading<T> reading) {
    UnchangedFile.requireRegular(file);
    try (InputStream bytes = Files.newInputStream(file)) {
      long size = Files.size(file);
      if (size > maxBytes) {
        throw new CheckpointException(
            file, "has %d bytes, want at most %d".formatted(size, maxBytes));
      }
      return stream(file, bytes, reading);
    } catch (IOException e) {
      throw new CheckpointException(file, "cannot be read: " + e, e);
    }
  }

  /** A stream that holds one JSON value and nothing after it. */
  static <T> T stream(Path file, InputStream bytes, Reading<T> reading) {
    // A decoder of our own, because the parser would take UTF-16 and UTF-32 as well.
    InputStreamReader text =
        new InputStreamReader(
            bytes,
            StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT));
    try (JsonParser parser = FACTORY.createParser(text)) {
      T result = reading.read(parser);
      JsonToken rest = parser.nextToken();
      if (rest != null) {
        throw new CheckpointException(file, "has " + rest + " after the end of its JSON");
      }
      return result;
    } catch (JsonProcessingException e) {
      throw new CheckpointException(file, "is not valid JSON: " + e.getOriginalMessage(), e);
    } catch (CharacterCodingException e) {
      throw new CheckpointException(file, "is not valid UTF-8 where JSON should be", e);
    } catch (IOException e) {
      throw new CheckpointException(file, "cannot be read: " + e, e);
    }
  }
}
