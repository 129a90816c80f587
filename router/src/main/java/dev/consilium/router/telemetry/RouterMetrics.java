package dev.consilium.router.telemetry;

import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.scheduling.Engine;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.telemetry.Telemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.LongCounter;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Context;
import java.util.Optional;
import java.util.function.Supplier;

/** Counts and traces the engine's steps. */
public final class RouterMetrics implements EngineObserver {
  private static final AttributeKey<Long> LAYER = AttributeKey.longKey("layer");
  private static final AttributeKey<Long> EXPERT = AttributeKey.longKey("expert");
  private static final AttributeKey<String> NODE = AttributeKey.stringKey("node");

  private final Telemetry telemetry;
  private final LongCounter promptTokens;
  private final LongCounter generatedTokens;
  private final LongCounter preemptions;
  private final DoubleHistogram stepSeconds;

  /**
   * @param engine the engine, once there is one
   */
  public RouterMetrics(
      Telemetry telemetry, Utilisation utilisation, Supplier<Optional<Engine>> engine) {
    this.telemetry = telemetry;
    Meter meter = telemetry.meter();
    promptTokens =
        meter.counterBuilder("consilium.router.prompt.tokens").setUnit("{token}").build();
    generatedTokens =
        meter.counterBuilder("consilium.router.generation.tokens").setUnit("{token}").build();
    preemptions = meter.counterBuilder("consilium.router.preemptions").build();
    stepSeconds = meter.histogramBuilder("consilium.router.step.duration").setUnit("s").build();
    observeExperts(meter, utilisation);
    observeLoad(meter, "consilium.router.sequences.running", engine, load -> load.running());
    observeLoad(meter, "consilium.router.sequences.waiting", engine, load -> load.waiting());
    observeLoad(meter, "consilium.router.kv.blocks.free", engine, load -> load.freeBlocks());
    observeLoad(meter, "consilium.router.kv.blocks.total", engine, load -> load.totalBlocks());
  }

  private static void observeExperts(Meter meter, Utilisation utilisation) {
    meter
        .counterBuilder("consilium.router.expert.tokens")
        .setUnit("{token}")
        .setDescription("Tokens per layer, expert and the node that computed them, exact")
        .buildWithCallback(measurement ->
            utilisation
                .counts()
                .forEach(count ->
                    measurement.record(
                        count.tokens(),
                        Attributes.of(
                            LAYER,
                            (long) count.layer(),
                            EXPERT,
                            (long) count.expert(),
                            NODE,
                            count.node()))));
  }

  private interface LoadNumber {
    long of(Engine.Load load);
  }

  private static void observeLoad(
      Meter meter, String name, Supplier<Optional<Engine>> engine, LoadNumber number) {
    meter
        .gaugeBuilder(name)
        .ofLongs()
        .buildWithCallback(measurement ->
            engine.get().ifPresent(running -> measurement.record(number.of(running.load()))));
  }

  @Override
  public StepSpan beginStep(Context parent, boolean prefill, int tokens) {
    if (!Span.fromContext(parent).getSpanContext().isSampled()) {
      return EngineObserver.super.beginStep(parent, prefill, tokens);
    }
    Span span =
        telemetry
            .tracer()
            .spanBuilder(prefill ? "router.prefill" : "router.decode")
            .setParent(parent)
            .setAttribute("consilium.tokens", (long) tokens)
            .startSpan();
    Context inside = parent.with(span);
    return new StepSpan() {
      @Override
      public Context context() {
        return inside;
      }

      @Override
      public void end() {
        span.end();
      }
    };
  }

  @Override
  public void stepped(int prompt, int generated, long nanos) {
    stepSeconds.record(nanos * 1e-9);
    promptTokens.add(prompt);
    generatedTokens.add(generated);
  }

  @Override
  public void preempted() {
    preemptions.add(1);
  }
}
