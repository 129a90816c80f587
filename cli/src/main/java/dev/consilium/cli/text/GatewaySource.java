package dev.consilium.cli.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.cli.CommandFailure;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/** A running gateway, asked over its OpenAI API with streaming. */
public final class GatewaySource implements TextSource {

  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
  private static final int MOST_ERROR_BYTES = 64 * 1024;
  private static final int MOST_MODELS_BYTES = 1024 * 1024;
  private static final String EVENT = "data:";
  private static final String END = "[DONE]";

  private final URI gateway;
  private String model = "";
  private final ObjectMapper json = new ObjectMapper();
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_TIMEOUT)
          .build();

  /**
   * Of a gateway.
   *
   * @param gateway its address, with or without {@code /v1} at the end
   */
  public GatewaySource(URI gateway) {
    String text = gateway.toString().replaceFirst("/+$", "").replaceFirst("/v1$", "");
    this.gateway = URI.create(text + "/");
  }

  @Override
  public Generated chat(List<ChatTurn> turns, TextOptions options, Consumer<String> onText)
      throws InterruptedException {
    ObjectNode body = body(options);
    ArrayNode messages = body.putArray("messages");
    turns.forEach(
        turn -> messages.addObject().put("role", turn.role()).put("content", turn.content()));
    return stream("v1/chat/completions", body, onText);
  }

  @Override
  public Generated complete(String prompt, TextOptions options, Consumer<String> onText)
      throws InterruptedException {
    ObjectNode body = body(options);
    body.put("prompt", prompt);
    if (options.maxTokens().isEmpty()) {
      // The completions API has a default of 16 tokens, which is not what the option's absence
      // means here.
      body.put("max_tokens", Integer.MAX_VALUE);
    }
    return stream("v1/completions", body, onText);
  }

  /** The model that the gateway serves; the API wants it named in every request. */
  public String model() throws InterruptedException {
    if (model.isEmpty()) {
      HttpRequest request =
          HttpRequest.newBuilder(gateway.resolve("v1/models")).timeout(CONNECT_TIMEOUT).build();
      try {
        HttpResponse<InputStream> response =
            client.send(request, HttpResponse.BodyHandlers.ofInputStream());
        try (InputStream body = response.body()) {
          if (response.statusCode() != 200) {
            throw refused(response.statusCode(), body);
          }
          model =
              json.readTree(body.readNBytes(MOST_MODELS_BYTES))
                  .path("data")
                  .path(0)
                  .path("id")
                  .asText();
        }
      } catch (IOException failed) {
        throw unreachable(failed);
      }
    }
    return model;
  }

  private CommandFailure unreachable(IOException failed) {
    return new CommandFailure(
        "no answer from %s: %s; is a cluster running there?".formatted(gateway, failed), failed);
  }

  private ObjectNode body(TextOptions options) throws InterruptedException {
    ObjectNode body = json.createObjectNode();
    body.put("model", model());
    body.put("stream", true);
    body.putObject("stream_options").put("include_usage", true);
    options.maxTokens().ifPresent(value -> body.put("max_tokens", value));
    options.draw().temperature().ifPresent(value -> body.put("temperature", value));
    options.draw().topK().ifPresent(value -> body.put("top_k", value));
    options.draw().topP().ifPresent(value -> body.put("top_p", value));
    options.draw().minP().ifPresent(value -> body.put("min_p", value));
    options.draw().repetitionPenalty().ifPresent(value -> body.put("repetition_penalty", value));
    options.seed().ifPresent(value -> body.put("seed", value));
    ArrayNode stop = json.createArrayNode();
    options.stop().forEach(stop::add);
    if (!stop.isEmpty()) {
      body.set("stop", stop);
    }
    return body;
  }

  private Generated stream(String path, ObjectNode body, Consumer<String> onText)
      throws InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(gateway.resolve(path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
            .build();
    Progress progress = new Progress(onText);
    try {
      HttpResponse<InputStream> response =
          client.send(request, HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream events = response.body()) {
        if (response.statusCode() != 200) {
          throw refused(response.statusCode(), events);
        }
        read(events, progress);
      }
    } catch (IOException failed) {
      throw unreachable(failed);
    }
    return progress.result();
  }

  private void read(InputStream events, Progress progress) throws IOException {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(events, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String data = line.startsWith(EVENT) ? line.substring(EVENT.length()).strip() : "";
      if (data.equals(END)) {
        return;
      }
      if (!data.isEmpty()) {
        progress.take(json.readTree(data));
      }
    }
    throw new IOException("the stream broke off before its end");
  }

  private CommandFailure refused(int status, InputStream body) throws IOException {
    String text = new String(body.readNBytes(MOST_ERROR_BYTES), StandardCharsets.UTF_8);
    return new CommandFailure("%s answered %d: %s".formatted(gateway, status, errorMessage(text)));
  }

  private String errorMessage(String text) {
    try {
      return json.readTree(text).path("error").path("message").asText(text);
    } catch (JsonProcessingException notJson) {
      return text;
    }
  }

  @Override
  public void close() {
    client.close();
  }

  /** What has come so far. */
  private static final class Progress {

    private final Consumer<String> onText;
    private final StringBuilder text = new StringBuilder();
    private final long start = System.nanoTime();
    private long firstAt;
    private int promptTokens;
    private int completionTokens;
    private String finishReason = "";

    Progress(Consumer<String> onText) {
      this.onText = onText;
    }

    void take(JsonNode event) {
      if (event.has("error")) {
        throw new CommandFailure(
            "the gateway broke off: " + event.path("error").path("message").asText());
      }
      for (JsonNode choice : event.path("choices")) {
        String piece =
            choice.has("delta")
                ? choice.path("delta").path("content").asText("")
                : choice.path("text").asText("");
        if (!piece.isEmpty()) {
          heard(piece);
        }
        finishReason = choice.path("finish_reason").asText(finishReason);
      }
      JsonNode usage = event.path("usage");
      if (usage.isObject()) {
        promptTokens = usage.path("prompt_tokens").asInt();
        completionTokens = usage.path("completion_tokens").asInt();
      }
    }

    private void heard(String piece) {
      if (text.isEmpty()) {
        firstAt = System.nanoTime();
      }
      text.append(piece);
      onText.accept(piece);
    }

    Generated result() {
      long end = System.nanoTime();
      Duration first = Duration.ofNanos((text.isEmpty() ? end : firstAt) - start);
      return new Generated(
          text.toString(),
          promptTokens,
          completionTokens,
          finishReason,
          first,
          Duration.ofNanos(end - start));
    }
  }
}
