package dev.consilium.gateway.observation;

import dev.consilium.gateway.generation.Completion;
import dev.consilium.gateway.generation.FinishReason;
import dev.consilium.gateway.generation.Usage;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * The usual metrics once more under the names that vLLM has for them, so that its dashboards and
 * autoscalers work here. Written by hand: the colon in these names is not allowed in
 * OpenTelemetry's.
 */
public final class VllmMetrics {
  private final String label;
  private final LongAdder running = new LongAdder();
  private final LongAdder promptTokens = new LongAdder();
  private final LongAdder generationTokens = new LongAdder();
  private final Map<FinishReason, LongAdder> successes = new EnumMap<>(FinishReason.class);
  private final SecondsHistogram firstToken =
      new SecondsHistogram("vllm:time_to_first_token_seconds", Buckets.SECONDS);
  private final SecondsHistogram perToken =
      new SecondsHistogram("vllm:request_time_per_output_token_seconds", Buckets.TOKEN_SECONDS);
  private final SecondsHistogram total =
      new SecondsHistogram("vllm:e2e_request_latency_seconds", Buckets.SECONDS);

  public VllmMetrics(String model) {
    String escaped = model.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    label = "model_name=\"" + escaped + "\"";
    for (FinishReason reason : FinishReason.values()) {
      successes.put(reason, new LongAdder());
    }
  }

  void started() {
    running.increment();
  }

  void ended() {
    running.decrement();
  }

  void tokens(Usage usage) {
    promptTokens.add(usage.promptTokens());
    generationTokens.add(usage.completionTokens());
  }

  void completed(Completion choice) {
    successes.getOrDefault(choice.reason(), new LongAdder()).increment();
    double first = choice.timing().firstToken().toNanos() / 1e9;
    double all = choice.timing().total().toNanos() / 1e9;
    firstToken.record(first);
    total.record(all);
    if (choice.completionTokens() > 1) {
      perToken.record((all - first) / (choice.completionTokens() - 1));
    }
  }

  /** All of them in the Prometheus text format. */
  public String prometheusText() {
    StringBuilder text = new StringBuilder(8192);
    single(text, "vllm:num_requests_running", "gauge", running.sum());
    single(text, "vllm:prompt_tokens_total", "counter", promptTokens.sum());
    single(text, "vllm:generation_tokens_total", "counter", generationTokens.sum());
    text.append("# TYPE vllm:request_success_total counter\n");
    successes.forEach((reason, count) ->
        text.append(
            "vllm:request_success_total{%s,finished_reason=\"%s\"} %d\n"
                .formatted(label, reason.name().toLowerCase(Locale.ROOT), count.sum())));
    firstToken.write(text, label);
    perToken.write(text, label);
    total.write(text, label);
    return text.toString();
  }

  private void single(StringBuilder text, String name, String type, long value) {
    text.append("# TYPE %s %s\n%s{%s} %d\n".formatted(name, type, name, label, value));
  }
}
