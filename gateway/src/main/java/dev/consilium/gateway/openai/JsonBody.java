package dev.consilium.gateway.openai;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeType;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.RequestException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Bytes to a JSON object, or the reason why not, with its position. Stricter than Jackson alone:
 * the bytes must be UTF-8 throughout, no key may come twice, nothing may follow the object.
 */
final class JsonBody {
  private static final int NESTING_LIMIT = 32;
  private static final int NUMBER_LENGTH_LIMIT = 64;
  private static final int NAME_LENGTH_LIMIT = 1024;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(NESTING_LIMIT)
                          .maxNumberLength(NUMBER_LENGTH_LIMIT)
                          .maxNameLength(NAME_LENGTH_LIMIT)
                          // Bounded by the body, which is bounded where it is received.
                          .maxStringLength(Integer.MAX_VALUE)
                          .build())
                  .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private static final ObjectReader READER = MAPPER.readerFor(JsonNode.class);

  private JsonBody() {}

  static ObjectNode parse(byte[] body) {
    JsonNode node = parse(utf8(body));
    if (node instanceof ObjectNode object) {
      return object;
    }
    String found = node.getNodeType() == JsonNodeType.MISSING ? "nothing" : Fields.typeName(node);
    throw malformed("invalid_json", "the body must be a JSON object; found " + found);
  }

  /** An object as maps, lists, strings, numbers, booleans and null. */
  static Map<String, Object> plain(JsonNode object) {
    return MAPPER.convertValue(object, new TypeReference<>() {});
  }

  private static JsonNode parse(String text) {
    try {
      return READER.readValue(text);
    } catch (StreamConstraintsException e) {
      throw malformed("invalid_json", "the JSON of the body is beyond a limit: " + reason(e));
    } catch (JsonProcessingException e) {
      throw malformed("invalid_json", "the body is not valid JSON: " + reason(e));
    }
  }

  private static String reason(JsonProcessingException e) {
    JsonLocation at = e.getLocation();
    String where =
        at == null ? "" : " (line %d, column %d)".formatted(at.getLineNr(), at.getColumnNr());
    return e.getOriginalMessage() + where;
  }

  private static String utf8(byte[] body) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(body);
    CharBuffer out = CharBuffer.allocate(body.length);
    CoderResult result = decoder.decode(in, out, true);
    if (result.isError()) {
      throw malformed(
          "invalid_utf8", "the body is not valid UTF-8: see the byte at " + in.position());
    }
    return out.flip().toString();
  }

  private static RequestException malformed(String code, String message) {
    return Fault.of(Fault.Kind.INVALID, code, message).exception();
  }
}
