package dev.consilium.model.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Small templates against what jinja2 renders from them; {@code golden/jinja/README.md} says how
 * they were computed.
 */
class JinjaGoldenTest {

  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final JsonNode STORED = stored();
  private static final Map<String, Object> VARIABLES =
      MAPPER.convertValue(STORED.path("variables"), new TypeReference<Map<String, Object>>() {});

  static Stream<Arguments> cases() {
    return StreamSupport.stream(STORED.path("cases").spliterator(), false)
        .map(node ->
            Arguments.of(
                node.path("template").textValue(),
                node.has("error") ? "(an error)" : node.path("rendered").textValue()));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void render_storedTemplate_givesWhatJinjaGives(String template, String expected) {
    assertThat(rendered(template)).isEqualTo(expected);
  }

  private static String rendered(String template) {
    try {
      return Template.compile(template, Limits.DEFAULT).render(VARIABLES, Clock.systemUTC());
    } catch (TemplateException e) {
      return "(an error)";
    }
  }

  private static JsonNode stored() {
    try (InputStream in =
        Objects.requireNonNull(
            JinjaGoldenTest.class.getResourceAsStream("/golden/jinja/cases.json"))) {
      return MAPPER.readTree(in);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
