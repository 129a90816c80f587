package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.models.Model;
import java.net.URI;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A packaged cluster, used by OpenAI's own client. */
class UpIT {

  // The beginning of the demo model's greedy answers, as models/demo/samples.json has them.
  private static final String STORY = "Once upon a time, there was a little girl named Lily.";
  private static final String GREEDY = "She loved to play outside in the sun.";

  private static CommandLineProcess up;
  private static String url;
  private static Path logs;
  private static OpenAIClient client;

  @BeforeAll
  static void start() throws Exception {
    up = CommandLineProcess.start("up", "--port", "0", "--grpc-port", "0");
    url = up.readUntil("HTTP ");
    logs = Path.of(up.readUntil("logs "));
    client =
        OpenAIOkHttpClient.builder().baseUrl(url).apiKey("none is needed").maxRetries(0).build();
  }

  @AfterAll
  static void stop() throws Exception {
    client.close();
    try (CommandLineProcess process = up) {
      assertThat(process.stop().status()).isEqualTo(128 + 15);
      assertThat(LogFiles.complaints(logs)).isEmpty();
    }
  }

  @Test
  void chat_whole_answers() {
    ChatCompletion answer = client.chat().completions().create(chat());
    assertThat(answer.choices().getFirst().message().content())
        .hasValueSatisfying(text -> assertThat(text).isNotBlank());
    assertThat(answer.usage())
        .hasValueSatisfying(usage -> assertThat(usage.completionTokens()).isEqualTo(24));
  }

  @Test
  void chat_streamed_addsUpToTheWholeAnswer() {
    String whole =
        client
            .chat()
            .completions()
            .create(chat())
            .choices()
            .getFirst()
            .message()
            .content()
            .orElseThrow();
    try (StreamResponse<ChatCompletionChunk> chunks =
        client.chat().completions().createStreaming(chat())) {
      String streamed =
          chunks.stream()
              .flatMap(chunk -> chunk.choices().stream())
              .flatMap(choice -> choice.delta().content().stream())
              .collect(Collectors.joining());
      assertThat(streamed).isEqualTo(whole);
    }
  }

  @Test
  void completion_greedy_givesTheReferenceText() {
    Completion completion =
        client
            .completions()
            .create(
                CompletionCreateParams.builder()
                    .model("demo")
                    .prompt(STORY)
                    .maxTokens(16)
                    .temperature(0)
                    .build());
    assertThat(completion.choices().getFirst().text().strip()).startsWith(GREEDY);
  }

  @Test
  void models_list_namesTheModel() {
    assertThat(client.models().list().data()).extracting(Model::id).containsExactly("demo");
  }

  @Test
  void chat_unknownModel_isNotFound() {
    ChatCompletionCreateParams unknown = chat().toBuilder().model("no-such-model").build();
    assertThatThrownBy(() -> client.chat().completions().create(unknown))
        .isInstanceOf(NotFoundException.class)
        .hasMessageContaining("no-such-model");
  }

  @Test
  void chat_temperatureOutOfRange_isABadRequest() {
    ChatCompletionCreateParams wrong = chat().toBuilder().temperature(-1).build();
    assertThatThrownBy(() -> client.chat().completions().create(wrong))
        .isInstanceOf(BadRequestException.class)
        .hasMessageContaining("temperature");
  }

  @Test
  void up_portInUse_saysSoInOneLine() throws Exception {
    int port = URI.create(url).getPort();
    CommandLineProcess.Ended second = CommandLineProcess.run("up", "--port", String.valueOf(port));
    assertThat(second.status()).isEqualTo(1);
    assertThat(second.complaints())
        .singleElement()
        .asString()
        .contains("port " + port)
        .contains("--port");
  }

  @Test
  void run_url_asksTheGateway() throws Exception {
    CommandLineProcess.Ended run =
        CommandLineProcess.run("run", "--url", url, "-t", "0", "-n", "16", STORY);
    assertThat(run.status()).as(run.errors()).isZero();
    assertThat(run.output().strip()).startsWith(GREEDY);
    assertThat(run.complaints()).singleElement().asString().contains("16 generated");
  }

  private static ChatCompletionCreateParams chat() {
    return ChatCompletionCreateParams.builder()
        .model("demo")
        .addUserMessage("Tell me a story about a dog and a ball.")
        .maxCompletionTokens(24)
        .temperature(0)
        .build();
  }
}
