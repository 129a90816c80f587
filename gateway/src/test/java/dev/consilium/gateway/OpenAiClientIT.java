package dev.consilium.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.models.Model;
import dev.consilium.gateway.FakeRouter.Answer;
import dev.consilium.gateway.FakeRouter.Ending;
import io.quarkus.test.common.QuarkusTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.util.List;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The application as it ships, and OpenAI's own client for Java, unchanged. */
@QuarkusTest
@QuarkusTestResource(RouterForQuarkus.class)
class OpenAiClientIT {
  private OpenAIClient client;

  @BeforeEach
  void connect() {
    client =
        OpenAIOkHttpClient.builder()
            .baseUrl(ConfigProvider.getConfig().getValue("test.url", String.class) + "/v1")
            .apiKey("unused")
            .maxRetries(0)
            .build();
    Await.until(
        "the model is served",
        () -> {
          RouterForQuarkus.answers(Answer.of(1));
          try {
            client.completions().create(completion().build());
            return true;
          } catch (com.openai.errors.InternalServerException notReady) {
            return false;
          }
        });
    RouterForQuarkus.answers(
        Answer.of(TestGateway.tokens("Once upon a time – 🦊")).ending(Ending.STOP));
  }

  @AfterEach
  void disconnect() {
    client.close();
  }

  private static ChatCompletionCreateParams.Builder chat() {
    return ChatCompletionCreateParams.builder()
        .model("demo")
        .addSystemMessage("You tell stories.")
        .addUserMessage("Tell me one.")
        .maxCompletionTokens(50)
        .temperature(0.5);
  }

  private static CompletionCreateParams.Builder completion() {
    return CompletionCreateParams.builder().model("demo").prompt("Hello").maxTokens(50);
  }

  @Test
  void chat_whole() {
    ChatCompletion answer = client.chat().completions().create(chat().build());

    answer.validate();
    assertThat(answer.choices().getFirst().message().content()).contains("Once upon a time – 🦊");
    assertThat(answer.choices().getFirst().finishReason())
        .isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
    assertThat(answer.usage().orElseThrow().completionTokens()).isPositive();
  }

  @Test
  void chat_streamed() {
    ChatCompletionAccumulator whole = ChatCompletionAccumulator.create();
    ChatCompletionCreateParams params =
        chat()
            .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())
            .build();
    try (StreamResponse<ChatCompletionChunk> chunks =
        client.chat().completions().createStreaming(params)) {
      chunks.stream().peek(ChatCompletionChunk::validate).forEach(whole::accumulate);
    }

    ChatCompletion answer = whole.chatCompletion();
    assertThat(answer.choices().getFirst().message().content()).contains("Once upon a time – 🦊");
    assertThat(answer.usage()).isPresent();
  }

  @Test
  void chat_logprobs() {
    RouterForQuarkus.answers(
        new Answer(
            List.of(
                dev.consilium.proto.router.v1.Token.newBuilder()
                    .setId(TestGateway.tokens("Once")[0])
                    .setLogprob(-0.5f)
                    .build()),
            Ending.LENGTH));

    ChatCompletion answer =
        client.chat().completions().create(chat().logprobs(true).topLogprobs(0).build());

    answer.validate();
    assertThat(
            answer
                .choices()
                .getFirst()
                .logprobs()
                .orElseThrow()
                .content()
                .orElseThrow()
                .getFirst()
                .token())
        .isEqualTo("Once");
  }

  @Test
  void completion_wholeAndStreamed() {
    Completion answer = client.completions().create(completion().build());
    answer.validate();
    StringBuilder streamed = new StringBuilder();
    try (StreamResponse<Completion> chunks =
        client.completions().createStreaming(completion().build())) {
      chunks.stream().forEach(chunk -> streamed.append(chunk.choices().getFirst().text()));
    }

    assertThat(answer.choices().getFirst().text()).isEqualTo("Once upon a time – 🦊");
    assertThat(streamed).hasToString("Once upon a time – 🦊");
  }

  @Test
  void models_listedAndByName() {
    List<Model> models = client.models().list().data();

    assertThat(models).extracting(Model::id).containsExactly("demo");
    client.models().retrieve("demo").validate();
  }

  @Test
  void errors_areTheClientsOwnExceptions() {
    assertThatThrownBy(() -> client.completions().create(completion().model("other").build()))
        .isInstanceOf(NotFoundException.class)
        .hasMessageContaining("other");
    assertThatThrownBy(() -> client.chat().completions().create(chat().temperature(9.0).build()))
        .isInstanceOfSatisfying(
            BadRequestException.class, e -> assertThat(e.param()).contains("temperature"));
  }
}
