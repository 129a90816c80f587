package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the small and large JSON files of a tokenizer with bounds on size and nesting. */
final class JsonFile {

  /** The native library's own parser gives up at 128. */
  private static final int MAX_NESTING = 100;

  static final ObjectMapper MAPPER = new ObjectMapper(factory());

  private JsonFile() {}

  /** The text of {@code file}, which must be valid UTF-8 of at most {@code maxBytes} bytes. */
  static String read(Path file, int maxBytes) throws TokenizerException {
    byte[] bytes = readBytes(file, maxBytes);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new TokenizerException(file, "is not valid UTF-8 text; fetch the file again", e);
    }
  }

  /**
   * What a parser said, without the excerpt of the source (which may be megabytes or somebody's
   * text).
   */
  static TokenizerException malformed(Path file, IOException cause) {
    String problem =
        cause instanceof JsonProcessingException json
            ? json.getOriginalMessage() + where(json)
            : String.valueOf(cause.getMessage());
    return new TokenizerException(file, "cannot be read as JSON: " + problem, cause);
  }

  private static String where(JsonProcessingException e) {
    return e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr();
  }

  private static byte[] readBytes(Path file, int maxBytes) throws TokenizerException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(maxBytes);
      if (in.read() >= 0) {
        throw new TokenizerException(file, "is larger than the limit of " + maxBytes + " bytes");
      }
      return bytes;
    } catch (TokenizerException e) {
      throw e;
    } catch (IOException e) {
      throw new TokenizerException(file, "cannot be read: " + e, e);
    }
  }

  private static JsonFactory factory() {
    return JsonFactory.builder()
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(MAX_NESTING)
                .maxStringLength(32 << 20)
                .build())
        .build();
  }
}
