package dev.consilium.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.gateway.FakeRouter.Answer;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models whose templates refuse, take variables, or that have none. */
class ChatTemplateTest {
  private static final String PATH = "/v1/chat/completions";
  @TempDir private Path directory;

  /** The demo model with this template instead of its own. */
  private Path model(Optional<String> template) throws IOException {
    for (String name :
        new String[] {
          "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"
        }) {
      Files.createSymbolicLink(directory.resolve(name), Fixtures.demoModel().resolve(name));
    }
    if (template.isPresent()) {
      Files.writeString(directory.resolve("chat_template.jinja"), template.get());
    }
    return directory;
  }

  private HttpResponse<String> chat(Optional<String> template, String more, FakeRouter router)
      throws IOException, InterruptedException {
    router.answers(Answer.of(1));
    try (TestGateway gateway =
        TestGateway.start(TestGateway.Limits.USUAL.withModel(model(template)), router)) {
      return gateway.post(
          PATH,
          "{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]%s}"
              .formatted(more));
    }
  }

  @Test
  void chat_noTemplate_refusedSayingSo() throws Exception {
    try (FakeRouter router = FakeRouter.start()) {
      HttpResponse<String> response = chat(Optional.empty(), "", router);

      assertThat(response.statusCode()).isEqualTo(400);
      assertThat(response.body()).contains("no_chat_template").contains("completions");
    }
  }

  @Test
  void chat_templateRaises_itsMessageIsTheAnswer() throws Exception {
    try (FakeRouter router = FakeRouter.start()) {
      HttpResponse<String> response =
          chat(Optional.of("{{ raise_exception('only poets here') }}"), "", router);

      assertThat(response.statusCode()).isEqualTo(400);
      assertThat(response.body())
          .contains("\"message\":\"only poets here\"")
          .contains("chat_template_refused");
    }
  }

  @Test
  void chat_templateVariables_reachTemplate() throws Exception {
    try (FakeRouter router = FakeRouter.start()) {
      HttpResponse<String> response =
          chat(
              Optional.of("{{ 'Once' if quick else ' She' }}"),
              ",\"chat_template_kwargs\":{\"quick\":true}",
              router);

      assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
      assertThat(router.request().getPromptTokensList())
          .containsExactly(TestGateway.tokens("Once")[0]);
    }
  }

  @Test
  void chat_templateNeedsWhatIsMissing_refused() throws Exception {
    try (FakeRouter router = FakeRouter.start()) {
      HttpResponse<String> response =
          chat(Optional.of("{{ messages[0].content + missing.field }}"), "", router);

      assertThat(response.statusCode()).isEqualTo(400);
      assertThat(response.body()).contains("chat_template_failed");
    }
  }
}
