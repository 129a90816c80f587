package dev.consilium.router.check;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Predicate;

/** A copy of a model that lacks some tensors, with a configuration that says so. */
final class ReducedModel {

  /** Configurations may say Infinity. */
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
          .build();

  private ReducedModel() {}

  /**
   * Writes the copy.
   *
   * @param into an empty directory
   * @param without tensors to be left out, by name
   * @param fields of the configuration, as a JSON object, in the place of those that it has
   * @return {@code into}
   */
  static Path of(Path model, Path into, Predicate<String> without, String fields)
      throws IOException {
    ObjectNode config = (ObjectNode) JSON.readTree(model.resolve("config.json").toFile());
    config.setAll((ObjectNode) JSON.readTree(fields));
    JSON.writeValue(into.resolve("config.json").toFile(), config);
    byte[] file = Files.readAllBytes(model.resolve("model.safetensors"));
    Files.write(into.resolve("model.safetensors"), reduced(file, without));
    return into;
  }

  private static byte[] reduced(byte[] file, Predicate<String> without) throws IOException {
    int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    JsonNode header = JSON.readTree(file, 8, length);
    ObjectNode kept = JSON.createObjectNode();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (Map.Entry<String, JsonNode> entry : header.properties()) {
      if (!entry.getValue().has("data_offsets") || without.test(entry.getKey())) {
        continue;
      }
      ObjectNode tensor = entry.getValue().deepCopy();
      int from = tensor.get("data_offsets").get(0).intValue();
      int to = tensor.get("data_offsets").get(1).intValue();
      int begin = data.size();
      data.write(file, 8 + length + from, to - from);
      tensor.putArray("data_offsets").add(begin).add(data.size());
      kept.set(entry.getKey(), tensor);
    }
    byte[] text = kept.toString().getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + text.length + data.size())
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(text.length)
        .put(text)
        .put(data.toByteArray())
        .array();
  }
}
