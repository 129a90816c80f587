package dev.consilium.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.gateway.FakeRouter.Answer;
import dev.consilium.gateway.FakeRouter.Ending;
import dev.consilium.proto.router.v1.GenerateRequest;
import dev.consilium.proto.router.v1.Token;
import dev.consilium.proto.router.v1.TokenLogprob;
import io.grpc.Status;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What answers look like, whole and as events. */
class StreamingTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETION = "/v1/completions";
  private static FakeRouter router;
  private static TestGateway gateway;

  @BeforeAll
  static void start() throws IOException, InterruptedException {
    router = FakeRouter.start();
    gateway = TestGateway.start(TestGateway.Limits.USUAL, router);
  }

  @AfterAll
  static void stop() {
    gateway.close();
    router.close();
  }

  private static String chat(String more) {
    return "{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]%s}"
        .formatted(more.isEmpty() ? "" : "," + more);
  }

  private static String completion(String more) {
    return "{\"model\":\"demo\",\"prompt\":\"Hello\"%s}"
        .formatted(more.isEmpty() ? "" : "," + more);
  }

  /** All events but the closing one, as JSON. */
  private static List<JsonNode> chunks(String path, String body)
      throws IOException, InterruptedException {
    List<String> events = gateway.events(path, body);
    assertThat(events.getLast()).isEqualTo("[DONE]");
    List<JsonNode> chunks = new ArrayList<>();
    for (String event : events.subList(0, events.size() - 1)) {
      chunks.add(TestGateway.JSON.readTree(event));
    }
    return chunks;
  }

  private static String content(List<JsonNode> chunks, int choice) {
    StringBuilder text = new StringBuilder();
    for (JsonNode chunk : chunks) {
      for (JsonNode each : chunk.path("choices")) {
        if (each.path("index").asInt() == choice) {
          text.append(each.path("delta").path("content").asText());
          text.append(each.path("text").asText());
        }
      }
    }
    return text.toString();
  }

  @Test
  void chat_whole_hasMessageUsageAndFinishReason() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once upon a time")).ending(Ending.STOP));

    JsonNode answer = gateway.ok(CHAT, chat(""));

    assertThat(answer.path("id").asText()).startsWith("chatcmpl-");
    assertThat(answer.path("object").asText()).isEqualTo("chat.completion");
    assertThat(answer.path("created").asLong()).isPositive();
    assertThat(answer.path("model").asText()).isEqualTo("demo");
    assertThat(answer.path("system_fingerprint").asText()).startsWith("fp_");
    JsonNode choice = answer.path("choices").get(0);
    assertThat(choice.path("message").path("role").asText()).isEqualTo("assistant");
    assertThat(choice.path("message").path("content").asText()).isEqualTo("Once upon a time");
    assertThat(choice.path("finish_reason").asText()).isEqualTo("stop");
    int prompt =
        TestGateway.tokens("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n").length;
    int output = TestGateway.tokens("Once upon a time").length;
    assertThat(answer.path("usage").path("prompt_tokens").asInt()).isEqualTo(prompt);
    assertThat(answer.path("usage").path("completion_tokens").asInt()).isEqualTo(output);
    assertThat(answer.path("usage").path("total_tokens").asInt()).isEqualTo(prompt + output);
    assertThat(answer.path("usage").path("prompt_tokens_details").path("cached_tokens").asInt())
        .isEqualTo(2);
  }

  @Test
  void chat_streamed_sameTextRoleFirstUsageLast() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once upon a time")));

    List<JsonNode> chunks =
        chunks(CHAT, chat("\"stream\":true,\"stream_options\":{\"include_usage\":true}"));

    JsonNode first = chunks.getFirst();
    assertThat(first.path("object").asText()).isEqualTo("chat.completion.chunk");
    assertThat(first.path("choices").get(0).path("delta").path("role").asText())
        .isEqualTo("assistant");
    assertThat(first.has("usage")).isTrue();
    assertThat(first.path("usage").isNull()).isTrue();
    assertThat(content(chunks, 0)).isEqualTo("Once upon a time");
    JsonNode finish = chunks.get(chunks.size() - 2).path("choices").get(0);
    assertThat(finish.path("finish_reason").asText()).isEqualTo("length");
    assertThat(finish.path("delta").isEmpty()).isTrue();
    JsonNode last = chunks.getLast();
    assertThat(last.path("choices")).isEmpty();
    assertThat(last.path("usage").path("completion_tokens").asInt()).isEqualTo(4);
    assertThat(chunks.stream().map(chunk -> chunk.path("id").asText()).distinct()).hasSize(1);
  }

  @Test
  void chat_streamedWithoutUsage_noUsageField() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once")));

    assertThat(chunks(CHAT, chat("\"stream\":true")))
        .allSatisfy(chunk -> assertThat(chunk.has("usage")).isFalse());
  }

  @Test
  void completion_streamed_sameAsWhole() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once upon a time")));

    JsonNode whole = gateway.ok(COMPLETION, completion(""));
    List<JsonNode> chunks = chunks(COMPLETION, completion("\"stream\":true"));

    assertThat(whole.path("object").asText()).isEqualTo("text_completion");
    assertThat(whole.path("id").asText()).startsWith("cmpl-");
    assertThat(whole.path("choices").get(0).path("text").asText()).isEqualTo("Once upon a time");
    assertThat(content(chunks, 0)).isEqualTo("Once upon a time");
    assertThat(chunks)
        .allSatisfy(c -> assertThat(c.path("object").asText()).isEqualTo("text_completion"));
  }

  @Test
  void completion_severalPromptsAndEcho_choicesByPrompt() throws Exception {
    drainRequests();
    router.answers(request ->
        Answer.of(TestGateway.tokens(request.getPromptTokensCount() == 1 ? " one" : " more")));

    JsonNode answer =
        gateway.ok(
            COMPLETION,
            "{\"model\":\"demo\",\"prompt\":[[366],[499,484,258]],\"n\":2,\"echo\":true}");

    assertThat(answer.path("choices"))
        .extracting(choice -> choice.path("text").asText())
        .containsExactly(" She one", " She one", "Once upon a more", "Once upon a more");
    assertThat(answer.path("usage").path("prompt_tokens").asInt()).isEqualTo(4);
  }

  @Test
  void text_charactersSplitOverTokens_neverBroken() throws Exception {
    String text = "ö – 🦊 日本";
    router.answers(Answer.of(TestGateway.byteTokens(text)));

    List<JsonNode> chunks = chunks(CHAT, chat("\"stream\":true"));

    assertThat(content(chunks, 0)).isEqualTo(text);
    assertThat(chunks)
        .allSatisfy(chunk ->
            assertThat(chunk.path("choices").get(0).path("delta").path("content").asText())
                .doesNotContain("\uFFFD"));
  }

  @Test
  void text_incompleteCharacterAtEnd_replacementAtFlush() throws Exception {
    int[] fox = TestGateway.byteTokens("🦊");
    router.answers(Answer.of(fox[0], fox[1]));

    assertThat(content(chunks(CHAT, chat("\"stream\":true")), 0)).isEqualTo("\uFFFD");
  }

  @Test
  void stop_acrossTokenBoundaries_cutsAndCancelsRouter() throws Exception {
    router.answers(
        Answer.of(TestGateway.byteTokens("one two END three")).ending(new Ending.Never()));

    JsonNode answer = gateway.ok(CHAT, chat("\"stop\":[\"xyz\",\"END\"]"));

    JsonNode choice = answer.path("choices").get(0);
    assertThat(choice.path("message").path("content").asText()).isEqualTo("one two ");
    assertThat(choice.path("finish_reason").asText()).isEqualTo("stop");
    assertThat(answer.path("usage").path("completion_tokens").asInt()).isEqualTo(11);
    assertThat(router.awaitCancelled()).isTrue();
  }

  @Test
  void stop_beginningHeldBackAtEnd_isFlushed() throws Exception {
    router.answers(Answer.of(TestGateway.byteTokens("one EN")));

    List<JsonNode> chunks = chunks(CHAT, chat("\"stream\":true,\"stop\":\"END\""));

    assertThat(content(chunks, 0)).isEqualTo("one EN");
    assertThat(chunks.getLast().path("choices").get(0).path("finish_reason").asText())
        .isEqualTo("length");
  }

  @Test
  void choices_several_runWithSeedsOfTheirOwn() throws Exception {
    drainRequests();
    router.answers(request -> Answer.of(TestGateway.tokens(" " + request.getSampling().getSeed())));

    JsonNode answer = gateway.ok(CHAT, chat("\"n\":3,\"seed\":40"));
    List<JsonNode> chunks = chunks(CHAT, chat("\"n\":3,\"seed\":40,\"stream\":true"));

    assertThat(answer.path("choices"))
        .extracting(choice -> choice.path("message").path("content").asText())
        .containsExactly(" 40", " 41", " 42");
    assertThat(List.of(content(chunks, 0), content(chunks, 1), content(chunks, 2)))
        .containsExactly(" 40", " 41", " 42");
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      ids.add(router.request().getRequestId());
    }
    assertThat(ids).doesNotHaveDuplicates();
  }

  private static void drainRequests() throws InterruptedException {
    while (router.requestsWaiting() > 0) {
      router.request();
    }
  }

  @Test
  void logprobs_chat_tokensBytesAndAlternatives() throws Exception {
    int she = TestGateway.tokens(" She")[0];
    int once = TestGateway.tokens("Once")[0];
    Token token =
        Token.newBuilder()
            .setId(she)
            .setLogprob(-0.5f)
            .addTopLogprobs(TokenLogprob.newBuilder().setId(she).setLogprob(-0.5f))
            .addTopLogprobs(
                TokenLogprob.newBuilder().setId(once).setLogprob(Float.NEGATIVE_INFINITY))
            .build();
    router.answers(new Answer(List.of(token), Ending.LENGTH));

    JsonNode answer = gateway.ok(CHAT, chat("\"logprobs\":true,\"top_logprobs\":2"));
    List<JsonNode> chunks =
        chunks(CHAT, chat("\"logprobs\":true,\"top_logprobs\":2,\"stream\":true"));

    JsonNode logprobs = answer.path("choices").get(0).path("logprobs");
    JsonNode first = logprobs.path("content").get(0);
    assertThat(first.path("token").asText()).isEqualTo(" She");
    assertThat(first.path("logprob").asDouble()).isEqualTo(-0.5);
    assertThat(first.path("bytes")).extracting(JsonNode::asInt).containsExactly(32, 83, 104, 101);
    assertThat(first.path("top_logprobs").get(1).path("token").asText()).isEqualTo("Once");
    assertThat(first.path("top_logprobs").get(1).path("logprob").asDouble()).isEqualTo(-9999.0);
    assertThat(chunks.get(1).path("choices").get(0).path("logprobs")).isEqualTo(logprobs);
  }

  @Test
  void logprobs_completion_arraysWithOffsets() throws Exception {
    List<Token> tokens = new ArrayList<>();
    for (int id : TestGateway.tokens("Once upon")) {
      tokens.add(Token.newBuilder().setId(id).setLogprob(-1).build());
    }
    router.answers(new Answer(tokens, Ending.LENGTH));

    JsonNode logprobs =
        gateway
            .ok(COMPLETION, completion("\"logprobs\":0"))
            .path("choices")
            .get(0)
            .path("logprobs");

    assertThat(logprobs.path("tokens"))
        .extracting(JsonNode::asText)
        .containsExactly("Once", " upon");
    assertThat(logprobs.path("text_offset")).extracting(JsonNode::asInt).containsExactly(0, 4);
    assertThat(logprobs.path("token_logprobs"))
        .extracting(JsonNode::asDouble)
        .containsExactly(-1.0, -1.0);
    assertThat(logprobs.path("top_logprobs").get(0).path("Once").asDouble()).isEqualTo(-1.0);
  }

  @Test
  void parameters_all_reachRouter() throws Exception {
    drainRequests();
    router.answers(Answer.of(1));

    gateway.ok(
        CHAT,
        chat(
            "\"max_completion_tokens\":7,\"temperature\":0.25,\"top_p\":0.5,\"top_k\":3,"
                + "\"min_p\":0.125,\"repetition_penalty\":1.5,\"presence_penalty\":-1,"
                + "\"frequency_penalty\":2,\"logit_bias\":{\"5\":-100},\"seed\":-1,"
                + "\"ignore_eos\":true,\"logprobs\":true,\"top_logprobs\":4,\"user\":\"me\""));

    GenerateRequest request = router.request();
    assertThat(request.getMaxTokens()).isEqualTo(7);
    assertThat(request.getSampling().getTemperature()).isEqualTo(0.25f);
    assertThat(request.getSampling().getTopP()).isEqualTo(0.5f);
    assertThat(request.getSampling().getTopK()).isEqualTo(3);
    assertThat(request.getSampling().getMinP()).isEqualTo(0.125f);
    assertThat(request.getSampling().getRepetitionPenalty()).isEqualTo(1.5f);
    assertThat(request.getSampling().getPresencePenalty()).isEqualTo(-1f);
    assertThat(request.getSampling().getFrequencyPenalty()).isEqualTo(2f);
    assertThat(request.getSampling().getLogitBiasMap()).containsExactly(entry(5, -100f));
    assertThat(request.getSampling().getSeed()).isEqualTo(-1L);
    assertThat(request.getIgnoreStopTokens()).isTrue();
    assertThat(request.getTopLogprobs()).isEqualTo(4);
    assertThat(request.getStopTokensList()).containsExactlyInAnyOrder(4095, 4093);
  }

  private static java.util.Map.Entry<Integer, Float> entry(int token, float bias) {
    return java.util.Map.entry(token, bias);
  }

  @Test
  void parameters_none_areTheModelsDefaults() throws Exception {
    drainRequests();
    router.answers(Answer.of(1));

    gateway.ok(COMPLETION, completion(""));

    GenerateRequest request = router.request();
    assertThat(request.getSampling().getTemperature()).isEqualTo(0.8f);
    assertThat(request.getSampling().getTopK()).isEqualTo(40);
    assertThat(request.getSampling().getTopP()).isEqualTo(0.95f);
    assertThat(request.getSampling().hasSeed()).isFalse();
    assertThat(request.hasTopLogprobs()).isFalse();
    assertThat(request.getMaxTokens()).isEqualTo(16);
  }

  @Test
  void failure_midStream_isAnEventAndTheEnd() throws Exception {
    router.answers(
        Answer.of(TestGateway.tokens("Once upon"))
            .ending(new Ending.Failed(Status.UNAVAILABLE.withDescription("layer 3 lost"))));

    List<String> events = gateway.events(CHAT, chat("\"stream\":true"));

    JsonNode error = TestGateway.JSON.readTree(events.getLast()).path("error");
    assertThat(error.path("message").asText()).contains("layer 3 lost");
    assertThat(error.path("code").asText()).isEqualTo("router_unavailable");
    assertThat(events).doesNotContain("[DONE]");
    gateway.awaitReady(1); // a router that failed is left alone until it was asked how it is
  }

  @Test
  void messages_textParts_areJoined() throws Exception {
    drainRequests();
    router.answers(Answer.of(1));

    gateway.ok(
        CHAT,
        "{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":["
            + "{\"type\":\"text\",\"text\":\"Hel\"},{\"type\":\"text\",\"text\":\"lo\"}]}]}");

    assertThat(router.request().getPromptTokensList())
        .containsExactlyElementsOf(
            java.util.Arrays.stream(
                    TestGateway.tokens(
                        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"))
                .boxed()
                .toList());
  }
}
