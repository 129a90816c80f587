package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.UncheckedIOException;
import java.util.Map;

/** A configuration with some fields set to other JSON: what is read of it, or why it is refused. */
final class ChangedConfig {
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private ChangedConfig() {}

  static ModelSpec specify(String config, Map<String, String> changes) {
    try {
      ObjectNode tree = (ObjectNode) JSON.readTree(config);
      for (Map.Entry<String, String> change : changes.entrySet()) {
        tree.set(change.getKey(), JSON.readTree(change.getValue()));
      }
      return ModelFamilies.specify(tree);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether the message has all parts. */
  static void assertRefused(String config, Map<String, String> changes, String... parts) {
    assertThatThrownBy(() -> specify(config, changes))
        .isInstanceOf(ConfigException.class)
        .hasMessageContainingAll(parts);
  }
}
