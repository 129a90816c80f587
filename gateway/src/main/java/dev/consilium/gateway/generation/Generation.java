package dev.consilium.gateway.generation;

import dev.consilium.gateway.generation.Completion.Timing;
import java.time.Duration;
import java.util.function.LongSupplier;

/** One choice, from its first token to its end. One thread. */
final class Generation {
  private final int choice;
  private final TokenStream stream;
  private final TextAssembly text;
  private final GenerationSink sink;
  private final LongSupplier nanoTime;
  private final long startNanos;
  private int tokens;
  private long firstTokenNanos;

  Generation(
      int choice,
      TokenStream stream,
      TextAssembly text,
      GenerationSink sink,
      LongSupplier nanoTime,
      long startNanos) {
    this.choice = choice;
    this.stream = stream;
    this.text = text;
    this.sink = sink;
    this.nanoTime = nanoTime;
    this.startNanos = startNanos;
  }

  Completion run() throws InterruptedException {
    while (true) {
      switch (stream.next()) {
        case SampledToken token -> {
          take(token);
          if (text.stopped()) {
            return finish(FinishReason.STOP, 0);
          }
        }
        case TokenEvent.End(FinishReason reason, int cachedTokens) -> {
          tell(text.finish());
          return finish(text.stopped() ? FinishReason.STOP : reason, cachedTokens);
        }
      }
      if (!stream.hasNext()) {
        sink.flush();
      }
    }
  }

  private void take(SampledToken token) throws InterruptedException {
    if (tokens++ == 0) {
      firstTokenNanos = nanoTime.getAsLong();
    }
    tell(text.append(token));
  }

  private void tell(Delta delta) throws InterruptedException {
    if (!delta.isEmpty()) {
      sink.delta(choice, delta);
    }
  }

  private Completion finish(FinishReason reason, int cachedTokens) throws InterruptedException {
    long now = nanoTime.getAsLong();
    long first = tokens == 0 ? now : firstTokenNanos;
    Timing timing =
        new Timing(Duration.ofNanos(first - startNanos), Duration.ofNanos(now - startNanos));
    Completion completion = new Completion(reason, tokens, cachedTokens, timing);
    sink.finish(choice, completion);
    sink.flush();
    return completion;
  }
}
