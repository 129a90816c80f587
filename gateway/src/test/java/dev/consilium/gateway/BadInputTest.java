package dev.consilium.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.gateway.FakeRouter.Answer;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever comes, the answer is an error that names the thing, and the next request is served. */
class BadInputTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETION = "/v1/completions";
  private static final String HELLO = "\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]";
  private static FakeRouter router;
  private static TestGateway gateway;

  @BeforeAll
  static void start() throws IOException, InterruptedException {
    router = FakeRouter.start();
    router.answers(Answer.of(TestGateway.tokens("fine")));
    gateway = TestGateway.start(TestGateway.Limits.USUAL, router);
  }

  @AfterAll
  static void stop() {
    gateway.close();
    router.close();
  }

  /** {@code param} empty: null in the answer. */
  @SuppressWarnings("ArrayRecordComponent") // Never compared.
  record Case(String name, String path, byte[] body, int status, String code, String param) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Case bytes(
      String name, String path, byte[] body, int status, String code, String param) {
    return new Case(name, path, body, status, code, param);
  }

  private static Case raw(
      String name, String path, String body, int status, String code, String param) {
    return bytes(name, path, body.getBytes(StandardCharsets.UTF_8), status, code, param);
  }

  /** A chat request that is right but for these fields. */
  private static Case chat(String name, String fields, String code, String param) {
    return raw(name, CHAT, "{\"model\":\"demo\"," + HELLO + "," + fields + "}", 400, code, param);
  }

  /** A chat request with these messages. */
  private static Case messages(String name, String messages, String code, String param) {
    return raw(name, CHAT, "{\"model\":\"demo\",\"messages\":" + messages + "}", 400, code, param);
  }

  /** A completion request with these fields. */
  private static Case completion(String name, String fields, String code, String param) {
    return raw(name, COMPLETION, "{\"model\":\"demo\"," + fields + "}", 400, code, param);
  }

  private static byte[] withByte(int bad) {
    byte[] body = "{\"model\":\"demo\",\"prompt\":\"a?c\"}".getBytes(StandardCharsets.ISO_8859_1);
    body[26] = (byte) bad;
    return body;
  }

  static Stream<Case> cases() {
    return Stream.of(syntax(), parameters(), unsupported(), conversations(), completions())
        .flatMap(List::stream);
  }

  private static List<Case> syntax() {
    String deep = "[".repeat(5000) + "]".repeat(5000);
    return List.of(
        raw("empty body", CHAT, "", 400, "invalid_json", ""),
        raw("blank body", CHAT, "  \n", 400, "invalid_json", ""),
        raw("not JSON", CHAT, "hello", 400, "invalid_json", ""),
        raw("cut off", CHAT, "{\"model\":\"demo\",", 400, "invalid_json", ""),
        raw("array", CHAT, "[]", 400, "invalid_json", ""),
        raw("string", CHAT, "\"x\"", 400, "invalid_json", ""),
        raw("null", CHAT, "null", 400, "invalid_json", ""),
        raw("two values", CHAT, "{\"model\":\"demo\"," + HELLO + "} {}", 400, "invalid_json", ""),
        raw("key twice", CHAT, "{\"model\":\"a\",\"model\":\"demo\"}", 400, "invalid_json", ""),
        raw("single quotes", CHAT, "{'model':'demo'}", 400, "invalid_json", ""),
        raw("comment", CHAT, "{/* x */}", 400, "invalid_json", ""),
        raw("deep nesting", CHAT, "{\"model\":" + deep + "}", 400, "invalid_json", ""),
        raw("bare deep nesting", CHAT, deep, 400, "invalid_json", ""),
        raw("long number", CHAT, "{\"n\":" + "9".repeat(5000) + "}", 400, "invalid_json", ""),
        raw("long name", CHAT, "{\"" + "k".repeat(70000) + "\":1}", 400, "invalid_json", ""),
        raw("control character", CHAT, "{\"model\":\"a\u0001\"}", 400, "invalid_json", ""),
        bytes("lone continuation byte", COMPLETION, withByte(0x80), 400, "invalid_utf8", ""),
        bytes("cut off character", COMPLETION, withByte(0xC3), 400, "invalid_utf8", ""),
        bytes("byte FF", COMPLETION, withByte(0xFF), 400, "invalid_utf8", ""),
        bytes(
            "UTF-16",
            COMPLETION,
            "{\"model\":\"demo\"}".getBytes(StandardCharsets.UTF_16),
            400,
            "invalid_utf8",
            ""),
        raw("other charset", "/v1/unknown", "{}", 404, "unknown_url", ""),
        raw("root", "/", "{}", 404, "unknown_url", ""),
        raw("model's list by POST", "/v1/models", "{}", 405, "method_not_allowed", ""),
        bytes("too large", CHAT, new byte[(1 << 20) + 1], 413, "body_too_large", ""));
  }

  private static List<Case> parameters() {
    return List.of(
        chat("NaN", "\"temperature\":NaN", "invalid_json", ""),
        chat("infinite", "\"temperature\":1e999", "out_of_range", "temperature"),
        chat("temperature text", "\"temperature\":\"1\"", "invalid_type", "temperature"),
        chat("temperature below", "\"temperature\":-0.1", "out_of_range", "temperature"),
        chat("temperature above", "\"temperature\":2.1", "out_of_range", "temperature"),
        chat("top_p zero", "\"top_p\":0", "out_of_range", "top_p"),
        chat("top_p above", "\"top_p\":1.01", "out_of_range", "top_p"),
        chat("top_p underflow", "\"top_p\":1e-60", "out_of_range", "top_p"),
        chat("top_k below", "\"top_k\":-2", "out_of_range", "top_k"),
        chat("top_k fraction", "\"top_k\":1.5", "invalid_type", "top_k"),
        chat("min_p above", "\"min_p\":1.5", "out_of_range", "min_p"),
        chat("penalty zero", "\"repetition_penalty\":0", "out_of_range", "repetition_penalty"),
        chat("presence above", "\"presence_penalty\":2.5", "out_of_range", "presence_penalty"),
        chat("frequency below", "\"frequency_penalty\":-3", "out_of_range", "frequency_penalty"),
        chat("max_tokens zero", "\"max_tokens\":0", "out_of_range", "max_tokens"),
        chat("max_tokens huge", "\"max_tokens\":99999999999", "out_of_range", "max_tokens"),
        chat("max_tokens text", "\"max_tokens\":\"5\"", "invalid_type", "max_tokens"),
        chat(
            "contradiction",
            "\"max_tokens\":5,\"max_completion_tokens\":6",
            "invalid_value",
            "max_tokens"),
        chat("n zero", "\"n\":0", "out_of_range", "n"),
        chat("n above", "\"n\":9", "out_of_range", "n"),
        chat("n fraction", "\"n\":1.0", "invalid_type", "n"),
        chat("stream text", "\"stream\":\"true\"", "invalid_type", "stream"),
        chat("seed fraction", "\"seed\":0.5", "invalid_type", "seed"),
        chat("seed huge", "\"seed\":18446744073709551616", "out_of_range", "seed"),
        chat("stop number", "\"stop\":1", "invalid_type", "stop"),
        chat("stop empty", "\"stop\":\"\"", "invalid_value", "stop"),
        chat("stop list of numbers", "\"stop\":[\"a\",2]", "invalid_type", "stop[1]"),
        chat(
            "too many stops",
            "\"stop\":[" + "\"a\",".repeat(16) + "\"a\"]",
            "array_above_max_length",
            "stop"),
        chat("options without stream", "\"stream_options\":{}", "invalid_value", "stream_options"),
        chat(
            "unknown stream option",
            "\"stream\":true,\"stream_options\":{\"x\":1}",
            "unknown_parameter",
            "stream_options.x"),
        chat("bias list", "\"logit_bias\":[]", "invalid_type", "logit_bias"),
        chat("bias name", "\"logit_bias\":{\"a\":1}", "invalid_value", "logit_bias.a"),
        chat("bias token", "\"logit_bias\":{\"4096\":1}", "invalid_value", "logit_bias.4096"),
        chat("bias value", "\"logit_bias\":{\"1\":101}", "out_of_range", "logit_bias.1"),
        chat("logprobs number", "\"logprobs\":1", "invalid_type", "logprobs"),
        chat("top_logprobs alone", "\"top_logprobs\":1", "invalid_value", "top_logprobs"),
        chat(
            "top_logprobs above",
            "\"logprobs\":true,\"top_logprobs\":21",
            "out_of_range",
            "top_logprobs"),
        chat("misspelt", "\"temprature\":1", "unknown_parameter", "temprature"));
  }

  private static List<Case> unsupported() {
    String code = "unsupported_parameter";
    return List.of(
        chat("tools", "\"tools\":[{\"type\":\"function\"}]", code, "tools"),
        chat("tool_choice", "\"tool_choice\":\"auto\"", code, "tool_choice"),
        chat("functions", "\"functions\":[{}]", code, "functions"),
        chat("json", "\"response_format\":{\"type\":\"json_object\"}", code, "response_format"),
        chat("audio", "\"modalities\":[\"text\",\"audio\"]", code, "modalities"),
        chat("reasoning", "\"reasoning_effort\":\"low\"", code, "reasoning_effort"),
        chat("store", "\"store\":true", code, "store"),
        completion("suffix", "\"prompt\":\"a\",\"suffix\":\"b\"", code, "suffix"),
        completion("best_of", "\"prompt\":\"a\",\"best_of\":2", code, "best_of"));
  }

  private static List<Case> conversations() {
    return List.of(
        raw("no model", CHAT, "{" + HELLO + "}", 400, "missing_required_parameter", "model"),
        raw("model number", CHAT, "{\"model\":1," + HELLO + "}", 400, "invalid_type", "model"),
        raw(
            "other model",
            CHAT,
            "{\"model\":\"x\"," + HELLO + "}",
            404,
            "model_not_found",
            "model"),
        raw(
            "no messages",
            CHAT,
            "{\"model\":\"demo\"}",
            400,
            "missing_required_parameter",
            "messages"),
        messages("messages null", "null", "missing_required_parameter", "messages"),
        messages("messages text", "\"Hello\"", "invalid_type", "messages"),
        messages("messages empty", "[]", "invalid_value", "messages"),
        messages("message text", "[\"Hello\"]", "invalid_type", "messages[0]"),
        messages(
            "no role", "[{\"content\":\"a\"}]", "missing_required_parameter", "messages[0].role"),
        messages(
            "role number", "[{\"role\":1,\"content\":\"a\"}]", "invalid_type", "messages[0].role"),
        messages(
            "role tool",
            "[{\"role\":\"tool\",\"content\":\"a\"}]",
            "invalid_value",
            "messages[0].role"),
        messages(
            "no content",
            "[{\"role\":\"user\"}]",
            "missing_required_parameter",
            "messages[0].content"),
        messages(
            "content number",
            "[{\"role\":\"user\",\"content\":5}]",
            "invalid_type",
            "messages[0].content"),
        messages(
            "image",
            "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\"}]}]",
            "invalid_value",
            "messages[0].content[1].type"),
        messages(
            "half a surrogate pair",
            "[{\"role\":\"user\",\"content\":\"a\\ud800b\"}]",
            "invalid_value",
            "messages[0].content"),
        messages(
            "unknown field",
            "[{\"role\":\"user\",\"content\":\"a\",\"colour\":1}]",
            "unknown_parameter",
            "messages[0].colour"),
        messages(
            "tool calls",
            "[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{}]}]",
            "unsupported_parameter",
            "messages[0].tool_calls"),
        messages(
            "beyond the context",
            "[{\"role\":\"user\",\"content\":\"" + "word ".repeat(600) + "\"}]",
            "context_length_exceeded",
            "messages"));
  }

  private static List<Case> completions() {
    return List.of(
        completion("no prompt", "\"n\":1", "missing_required_parameter", "prompt"),
        completion("prompt object", "\"prompt\":{}", "invalid_type", "prompt"),
        completion("prompt empty", "\"prompt\":\"\"", "invalid_value", "prompt"),
        completion("prompts empty", "\"prompt\":[]", "invalid_value", "prompt"),
        completion("tokens empty", "\"prompt\":[[]]", "invalid_value", "prompt[0]"),
        completion("token outside", "\"prompt\":[1,4096]", "out_of_range", "prompt[1]"),
        completion("token negative", "\"prompt\":[-1]", "out_of_range", "prompt[0]"),
        completion("token fraction", "\"prompt\":[1,1.5]", "invalid_type", "prompt[1]"),
        completion("tokens and text", "\"prompt\":[1,\"a\"]", "invalid_type", "prompt[1]"),
        completion("text and tokens", "\"prompt\":[\"a\",1]", "invalid_type", "prompt[1]"),
        completion("token deep", "\"prompt\":[[1],[2,[3]]]", "invalid_type", "prompt[1][1]"),
        completion(
            "too many prompts",
            "\"prompt\":[" + "\"a\",".repeat(64) + "\"a\"]",
            "array_above_max_length",
            "prompt"),
        completion(
            "too many sequences",
            "\"prompt\":[" + "\"a\",".repeat(19) + "\"a\"],\"n\":8",
            "too_many_sequences",
            ""),
        completion(
            "echo with logprobs",
            "\"prompt\":\"a\",\"echo\":true,\"logprobs\":1",
            "invalid_value",
            "echo"),
        completion(
            "beyond the context",
            "\"prompt\":[" + "1,".repeat(511) + "1]",
            "context_length_exceeded",
            "prompt"));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void request_bad_isRefusedByNameAndNextIsServed(Case bad) throws Exception {
    HttpResponse<String> response =
        gateway.send(
            HttpRequest.newBuilder(gateway.uri(bad.path()))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(bad.body()))
                .build());

    assertThat(response.statusCode()).as(response.body()).isEqualTo(bad.status());
    assertThat(response.headers().firstValue("Content-Type")).contains("application/json");
    JsonNode error = TestGateway.JSON.readTree(response.body()).path("error");
    assertThat(error.path("code").asText()).as(response.body()).isEqualTo(bad.code());
    assertThat(error.path("param").asText("")).isEqualTo(bad.param());
    assertThat(error.has("param")).isTrue();
    assertThat(error.path("type").asText()).isEqualTo("invalid_request_error");
    assertThat(error.path("message").asText()).isNotBlank().hasSizeLessThan(600);
    assertServes();
  }

  private static void assertServes() throws IOException, InterruptedException {
    JsonNode answer = gateway.ok(CHAT, "{\"model\":\"demo\"," + HELLO + "}");
    assertThat(answer.path("choices").get(0).path("message").path("content").asText())
        .isEqualTo("fine");
  }

  @Test
  void post_otherContentType_refused() throws Exception {
    for (String type : List.of("text/plain", "application/x-www-form-urlencoded", "nonsense")) {
      HttpResponse<String> response =
          gateway.send(
              HttpRequest.newBuilder(gateway.uri(CHAT))
                  .header("Content-Type", type)
                  .POST(BodyPublishers.ofString("{}"))
                  .build());
      assertThat(response.statusCode()).isEqualTo(415);
      assertThat(response.body()).contains("unsupported_media_type").contains(type);
    }
    assertServes();
  }

  @Test
  void get_chat_refusedWithAllow() throws Exception {
    HttpResponse<String> response = gateway.get(CHAT);

    assertThat(response.statusCode()).isEqualTo(405);
    assertThat(response.headers().firstValue("Allow")).contains("POST");
  }

  @Test
  void models_byName_foundOrNot() throws Exception {
    assertThat(gateway.get("/v1/models/demo").statusCode()).isEqualTo(200);
    HttpResponse<String> other = gateway.get("/v1/models/some%2Fother");
    assertThat(other.statusCode()).isEqualTo(404);
    assertThat(other.body()).contains("model_not_found").contains("some/other");
  }

  @Test
  void body_chunkedAndTooLarge_refused() throws Exception {
    HttpResponse<String> response =
        gateway.send(
            HttpRequest.newBuilder(gateway.uri(CHAT))
                .header("Content-Type", "application/json")
                .POST(
                    BodyPublishers.ofInputStream(
                        () -> new java.io.ByteArrayInputStream(new byte[3 << 20])))
                .build());

    assertThat(response.statusCode()).isEqualTo(413);
    assertServes();
  }

  @Test
  void http2_badAndGood_answeredAlike() throws Exception {
    try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build()) {
      for (int i = 0; i < 3; i++) {
        assertThat(status(client, "text/plain", "{}")).isEqualTo(415);
        assertThat(status(client, "application/json", "{")).isEqualTo(400);
        assertThat(status(client, "application/json", " ".repeat(3 << 20))).isEqualTo(413);
        assertThat(status(client, "application/json", "{\"model\":\"demo\"," + HELLO + "}"))
            .isEqualTo(200);
      }
    }
  }

  private static int status(HttpClient client, String type, String body)
      throws IOException, InterruptedException {
    return client
        .send(
            HttpRequest.newBuilder(gateway.uri(CHAT))
                .header("Content-Type", type)
                .POST(BodyPublishers.ofString(body))
                .build(),
            HttpResponse.BodyHandlers.ofString())
        .statusCode();
  }

  @Test
  void inFlight_afterAllThis_isZero() {
    Await.until("all places given back", () -> gateway.gateway().inFlight() == 0);
  }
}
