package dev.consilium.model.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.consilium.model.chat.jinja.Limits;
import dev.consilium.model.tokenizer.TokenizerConfig;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Rendered conversations against those of the library that the models were trained with; sources in
 * testkit/fixtures/README.md.
 */
class ChatTemplateGoldenTest {

  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final int CASES_PER_TEMPLATE = 12;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "deepseek-v3.1",
        "gpt-oss",
        "granite-4.0",
        "mistral-nemo",
        "mixtral",
        "phi-3.5",
        "qwen3"
      })
  void render_storedCases_givesStoredTextOrIsRefused(String name) throws IOException {
    Path directory = Fixtures.chatTemplate(name);
    JsonNode stored = MAPPER.readTree(directory.resolve("cases.json").toFile());
    ChatTemplate template = template(directory, stored);

    for (JsonNode node : stored.path("cases")) {
      ChatConversation conversation = conversation(node, stored.path("now").textValue());
      String title = name + ": " + node.path("title").textValue();
      if (node.has("error")) {
        assertThatThrownBy(() -> template.render(conversation))
            .as(title)
            .isInstanceOfSatisfying(
                ChatTemplateException.class,
                e -> {
                  assertThat(e.reason()).isEqualTo(ChatTemplateException.Reason.REFUSED);
                  assertThat(e.problem()).isEqualTo(node.path("error_message").textValue());
                });
      } else {
        assertThat(template.render(conversation))
            .as(title)
            .isEqualTo(node.path("rendered").textValue());
      }
    }
    assertThat(stored.path("cases")).hasSize(CASES_PER_TEMPLATE);
  }

  private static ChatTemplate template(Path directory, JsonNode stored) throws IOException {
    Map<String, String> special = new HashMap<>();
    for (String role : List.of("bos_token", "eos_token")) {
      Optional.ofNullable(stored.path(role).textValue()).ifPresent(t -> special.put(role, t));
    }
    Path file = directory.resolve("chat_template.jinja");
    return ChatTemplate.compile(
        file.toString(),
        Files.readString(file),
        new TokenizerConfig(special, List.of(), Optional.empty()),
        Limits.DEFAULT);
  }

  private static ChatConversation conversation(JsonNode node, String now) {
    Clock clock = Clock.fixed(LocalDateTime.parse(now).toInstant(ZoneOffset.UTC), ZoneOffset.UTC);
    return new ChatConversation(
        maps(node.path("messages")),
        node.path("tools").isNull() ? List.of() : maps(node.path("tools")),
        node.path("add_generation_prompt").booleanValue(),
        MAPPER.convertValue(node.path("kwargs"), new TypeReference<Map<String, Object>>() {}),
        clock);
  }

  private static List<Map<String, Object>> maps(JsonNode list) {
    return MAPPER.convertValue(list, new TypeReference<List<Map<String, Object>>>() {});
  }
}
