package dev.consilium.model.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTemplateTest {

  private static final List<Map<String, String>> HELLO =
      List.of(Map.of("role", "user", "content", "Hello!"));

  @TempDir private Path directory;

  private Path write(String file, String text) throws IOException {
    return Files.writeString(directory.resolve(file), text);
  }

  private String rendered() throws IOException {
    return ChatTemplate.load(directory).orElseThrow().render(ChatConversation.of(HELLO));
  }

  @Test
  void load_demoModel_rendersItsFormat() throws IOException {
    ChatTemplate template = ChatTemplate.load(Fixtures.demoModel()).orElseThrow();
    assertThat(template.render(ChatConversation.of(HELLO)))
        .isEqualTo("<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n");
  }

  @Test
  void load_noTemplateAnywhere_isEmpty() throws IOException {
    assertThat(ChatTemplate.load(directory)).isEmpty();
    write("tokenizer_config.json", "{}");
    assertThat(ChatTemplate.load(directory)).isEmpty();
  }

  @Test
  void load_templateInBothFiles_takesTheFileOfItsOwn() throws IOException {
    write("tokenizer_config.json", "{\"chat_template\": \"config\", \"bos_token\": \"<s>\"}");
    assertThat(rendered()).isEqualTo("config");
    write("chat_template.jinja", "{{ bos_token }}file{{ eos_token }}");
    assertThat(rendered()).isEqualTo("<s>file");
  }

  @Test
  void render_toolsAndVariables_areSeenByTheTemplate() throws IOException {
    write(
        "chat_template.jinja",
        "{{ tools | tojson }}{{ enable_thinking }}{{ documents is none }}{{ add_generation_prompt }}");
    ChatConversation conversation =
        new ChatConversation(
            HELLO,
            List.of(Map.of("type", "function")),
            false,
            Map.of("enable_thinking", true),
            Clock.systemUTC());
    assertThat(ChatTemplate.load(directory).orElseThrow().render(conversation))
        .isEqualTo("[{\"type\": \"function\"}]TrueTrueFalse");
  }

  @Test
  void render_variablesNamedLikeTheConversation_doNotReplaceIt() throws IOException {
    write("chat_template.jinja", "{{ messages[0].content }}");
    ChatConversation conversation =
        new ChatConversation(
            HELLO, List.of(), true, Map.of("messages", List.of()), Clock.systemUTC());
    assertThat(ChatTemplate.load(directory).orElseThrow().render(conversation)).isEqualTo("Hello!");
  }

  @Test
  void render_refusal_carriesTheTemplatesMessage() throws IOException {
    write("chat_template.jinja", "\n{{ raise_exception('only one system message') }}");
    assertThatThrownBy(this::rendered)
        .isInstanceOfSatisfying(
            ChatTemplateException.class,
            e -> {
              assertThat(e.reason()).isEqualTo(ChatTemplateException.Reason.REFUSED);
              assertThat(e.problem()).isEqualTo("only one system message");
              assertThat(e.line()).isEqualTo(2);
              assertThat(e).hasMessageContaining("chat_template.jinja, line 2");
            });
  }

  @Test
  void render_contentMissing_isAMismatch() throws IOException {
    write("chat_template.jinja", "{{ 'x' + messages[0].thinking }}");
    assertThatThrownBy(this::rendered)
        .isInstanceOfSatisfying(
            ChatTemplateException.class,
            e -> assertThat(e.reason()).isEqualTo(ChatTemplateException.Reason.MISMATCH))
        .hasMessageContaining("no attribute or key 'thinking'");
  }

  @Test
  void load_brokenTemplate_namesFileAndLine() throws IOException {
    write("chat_template.jinja", "a\n{% if %}");
    assertThatThrownBy(() -> ChatTemplate.load(directory))
        .isInstanceOf(ChatTemplateException.class)
        .hasMessageContaining("chat_template.jinja, line 2");
    write("chat_template.jinja", "ok");
    write("tokenizer_config.json", "{\"chat_template\": \"{{ 1\"}");
    assertThat(rendered()).isEqualTo("ok");
    Files.delete(directory.resolve("chat_template.jinja"));
    assertThatThrownBy(() -> ChatTemplate.load(directory))
        .isInstanceOf(ChatTemplateException.class)
        .hasMessageContaining("chat_template of")
        .hasMessageContaining("tokenizer_config.json, line 1");
  }

  @Test
  void load_notUtf8OrTooLarge_isRefused() throws IOException {
    Path file = Files.write(directory.resolve("chat_template.jinja"), new byte[] {(byte) 0xff});
    assertThatThrownBy(() -> ChatTemplate.load(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("UTF-8");
    Files.write(file, new byte[(4 << 20) + 1]);
    assertThatThrownBy(() -> ChatTemplate.load(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("larger than");
  }
}
