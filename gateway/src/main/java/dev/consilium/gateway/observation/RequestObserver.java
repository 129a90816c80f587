package dev.consilium.gateway.observation;

import dev.consilium.gateway.generation.Completion;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.FinishReason;
import dev.consilium.gateway.generation.GenerationRequest;
import dev.consilium.gateway.generation.Sampling;
import dev.consilium.gateway.generation.Usage;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.LongCounter;
import io.opentelemetry.api.metrics.LongUpDownCounter;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * Counts requests and describes them on their spans.
 *
 * @see <a href="https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/">GenAI
 *     conventions</a>
 */
public final class RequestObserver {
  private static final AttributeKey<String> OPERATION =
      AttributeKey.stringKey("gen_ai.operation.name");
  private static final AttributeKey<String> PROVIDER =
      AttributeKey.stringKey("gen_ai.provider.name");
  private static final AttributeKey<String> MODEL = AttributeKey.stringKey("gen_ai.request.model");
  private static final AttributeKey<String> TOKEN_TYPE =
      AttributeKey.stringKey("gen_ai.token.type");
  private static final AttributeKey<String> ERROR = AttributeKey.stringKey("error.type");
  private static final AttributeKey<List<String>> REASONS =
      AttributeKey.stringArrayKey("gen_ai.response.finish_reasons");
  private static final double NANOS = 1e9;

  private final String model;
  private final VllmMetrics vllm;
  private final DoubleHistogram duration;
  private final DoubleHistogram firstToken;
  private final DoubleHistogram perToken;
  private final LongCounter requests;
  private final LongCounter tokens;
  private final LongUpDownCounter inFlight;

  public RequestObserver(Meter meter, VllmMetrics vllm, String model) {
    this.model = model;
    this.vllm = vllm;
    duration = seconds(meter, "gen_ai.server.request.duration", Buckets.SECONDS);
    firstToken = seconds(meter, "gen_ai.server.time_to_first_token", Buckets.SECONDS);
    perToken = seconds(meter, "gen_ai.server.time_per_output_token", Buckets.TOKEN_SECONDS);
    requests = meter.counterBuilder("consilium.gateway.requests").setUnit("{request}").build();
    tokens = meter.counterBuilder("consilium.gateway.tokens").setUnit("{token}").build();
    inFlight =
        meter
            .upDownCounterBuilder("consilium.gateway.requests.in_flight")
            .setUnit("{request}")
            .build();
  }

  private static DoubleHistogram seconds(Meter meter, String name, List<Double> buckets) {
    return meter
        .histogramBuilder(name)
        .setUnit("s")
        .setExplicitBucketBoundariesAdvice(buckets)
        .build();
  }

  /** What a door does, by the conventions' names. */
  public enum Operation {
    CHAT,
    TEXT_COMPLETION;

    String conventional() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private Attributes attributes(Operation operation) {
    return Attributes.of(OPERATION, operation.conventional(), MODEL, model, PROVIDER, "consilium");
  }

  /** A request was understood and starts. */
  public void started(Operation operation) {
    inFlight.add(1, attributes(operation));
    vllm.started();
  }

  /** Describes a request on the current span. */
  public void describe(Operation operation, GenerationRequest request) {
    Span span = Span.current();
    if (span.isRecording()) {
      Sampling sampling = request.settings().sampling();
      span.setAllAttributes(attributes(operation));
      span.setAttribute("gen_ai.response.id", request.id());
      span.setAttribute("gen_ai.usage.input_tokens", request.promptTokens());
      span.setAttribute("gen_ai.request.choice.count", request.choices());
      span.setAttribute("gen_ai.request.temperature", sampling.temperature());
      span.setAttribute("gen_ai.request.top_p", sampling.truncation().topP());
      span.setAttribute("gen_ai.request.top_k", sampling.truncation().topK());
      request
          .settings()
          .maxTokens()
          .ifPresent(most -> span.setAttribute("gen_ai.request.max_tokens", most));
      sampling.seed().ifPresent(seed -> span.setAttribute("gen_ai.request.seed", seed));
    }
  }

  /** All choices of a request that started are complete. */
  public void completed(Operation operation, Usage usage, List<Completion> choices) {
    Attributes attributes = attributes(operation);
    ended(operation);
    requests.add(1, attributes);
    tokens.add(usage.promptTokens(), attributes.toBuilder().put(TOKEN_TYPE, "input").build());
    tokens.add(usage.completionTokens(), attributes.toBuilder().put(TOKEN_TYPE, "output").build());
    vllm.tokens(usage);
    Duration longest = Duration.ZERO;
    for (Completion choice : choices) {
      record(attributes, choice);
      if (choice.timing().total().compareTo(longest) > 0) {
        longest = choice.timing().total();
      }
    }
    duration.record(longest.toNanos() / NANOS, attributes);
    Span span = Span.current();
    if (span.isRecording()) {
      span.setAttribute("gen_ai.usage.output_tokens", usage.completionTokens());
      span.setAttribute(REASONS, choices.stream().map(Completion::reason).map(this::name).toList());
    }
  }

  private String name(FinishReason reason) {
    return reason.name().toLowerCase(Locale.ROOT);
  }

  private void record(Attributes attributes, Completion choice) {
    vllm.completed(choice);
    double first = choice.timing().firstToken().toNanos() / NANOS;
    double total = choice.timing().total().toNanos() / NANOS;
    firstToken.record(first, attributes);
    if (choice.completionTokens() > 1) {
      perToken.record((total - first) / (choice.completionTokens() - 1), attributes);
    }
  }

  /** A request failed or was refused. */
  public void refused(Operation operation, Fault fault) {
    requests.add(1, attributes(operation).toBuilder().put(ERROR, fault.code()).build());
    Span.current().setAttribute(ERROR, fault.code());
  }

  /** A request that started ended; not to be called for one that completed. */
  public void ended(Operation operation) {
    inFlight.add(-1, attributes(operation));
    vllm.ended();
  }
}
