package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.Admission;
import dev.consilium.gateway.generation.Engine;
import dev.consilium.gateway.generation.ModelCard;
import dev.consilium.gateway.generation.RequestException;
import dev.consilium.gateway.generation.ServedModel;
import dev.consilium.gateway.observation.RequestObserver;
import dev.consilium.gateway.observation.RequestObserver.Operation;
import dev.consilium.gateway.observation.VllmMetrics;
import dev.consilium.gateway.openai.HealthFormat;
import dev.consilium.gateway.openai.ModelFormat;
import dev.consilium.telemetry.Telemetry;
import io.vertx.core.Vertx;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;

/** Puts the HTTP door together. */
public final class Routes {

  /** What requests are served with. */
  public record Parts(
      ServedModel model, Engine engine, Admission admission, Supplier<Readiness> readiness) {}

  /** How requests are seen. */
  public record Observation(
      Telemetry telemetry, RequestObserver observer, VllmMetrics vllm, InstantSource clock) {}

  /**
   * What a client may cost.
   *
   * @param body bytes of a request body
   * @param bodyTime until a body is complete
   * @param stall longest wait for a client that reads nothing
   * @param waiting bytes of an answer held for a client at most
   */
  public record Limits(int body, Duration bodyTime, Duration stall, int waiting) {}

  private final Parts parts;
  private final Observation observation;
  private final Map<String, Endpoint> fixed;

  private Routes(Parts parts, Observation observation, Limits limits) {
    this.parts = parts;
    this.observation = observation;
    this.fixed =
        Map.of(
            "/v1/chat/completions",
                generation(
                    Operation.CHAT, Preparation.chat(parts.model(), observation.clock()), limits),
            "/v1/completions",
                generation(
                    Operation.TEXT_COMPLETION,
                    Preparation.completion(parts.model(), observation.clock()),
                    limits),
            "/v1/models", read(exchange -> exchange.json(200, ModelFormat.list(card()))),
            "/health/live", read(exchange -> exchange.json(200, HealthFormat.live())),
            "/health/ready", read(this::ready),
            "/metrics", read(this::metrics));
  }

  /** The door with all endpoints; {@code threads} must be able to block. */
  public static HttpDoor door(
      Vertx vertx, Parts parts, Observation observation, Limits limits, ExecutorService threads) {
    Routes routes = new Routes(parts, observation, limits);
    return new HttpDoor(
        vertx,
        routes::at,
        parts.admission(),
        new BodyReader.Limits(limits.body(), limits.bodyTime()),
        observation.telemetry().openTelemetry(),
        threads);
  }

  private Endpoint generation(Operation operation, Preparation preparation, Limits limits) {
    return new Endpoint.Generate(
        new GenerationEndpoint(
            operation,
            preparation,
            parts.engine(),
            observation.observer(),
            new EventStream.Limits(limits.waiting(), limits.stall())));
  }

  private static Endpoint read(Endpoint.Answer answer) {
    return new Endpoint.Read(answer);
  }

  private Optional<Endpoint> at(String path) {
    return Optional.ofNullable(fixed.get(path)).or(() -> model(path));
  }

  /** A model's name may have slashes and escapes. */
  private Optional<Endpoint> model(String path) {
    String prefix = "/v1/models/";
    if (!path.startsWith(prefix) || path.length() == prefix.length()) {
      return Optional.empty();
    }
    String name = PathText.decode(path.substring(prefix.length()));
    return Optional.of(read(exchange -> model(exchange, name)));
  }

  private void model(Exchange exchange, String name) {
    try {
      card().require(name);
      exchange.json(200, ModelFormat.one(card()));
    } catch (RequestException unknown) {
      exchange.error(ErrorReply.of(unknown.fault()));
    }
  }

  private ModelCard card() {
    return parts.model().card();
  }

  private void ready(Exchange exchange) {
    Readiness now = parts.readiness().get();
    exchange.json(
        now.ready() ? 200 : 503, HealthFormat.ready(now.ready(), now.reason(), now.obstacles()));
  }

  private void metrics(Exchange exchange) {
    String text = observation.telemetry().prometheusText() + observation.vllm().prometheusText();
    exchange.answer(
        200, Telemetry.PROMETHEUS_CONTENT_TYPE, Map.of(), text.getBytes(StandardCharsets.UTF_8));
  }
}
