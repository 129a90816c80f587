package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.Completion;
import dev.consilium.gateway.generation.Delta;
import dev.consilium.gateway.generation.GenerationSink;
import dev.consilium.gateway.openai.AnswerFormat;
import java.util.BitSet;
import java.util.Optional;

/** Tells each choice's text as it comes. */
final class StreamingSink implements GenerationSink {
  private final EventStream events;
  private final AnswerFormat format;
  private final boolean tokensWithoutText;
  private final BitSet opened = new BitSet();

  /** {@code tokensWithoutText}: whether tokens alone are worth an event. */
  StreamingSink(EventStream events, AnswerFormat format, boolean tokensWithoutText) {
    this.events = events;
    this.format = format;
    this.tokensWithoutText = tokensWithoutText;
  }

  private void open(int choice) throws InterruptedException {
    if (!opened.get(choice)) {
      opened.set(choice);
      Optional<byte[]> opening = format.opening(choice);
      if (opening.isPresent()) {
        events.event(opening.get());
      }
    }
  }

  @Override
  public void delta(int choice, Delta delta) throws InterruptedException {
    if (!delta.text().isEmpty() || tokensWithoutText) {
      open(choice);
      events.event(format.delta(choice, delta));
    }
  }

  @Override
  public void finish(int choice, Completion completion) throws InterruptedException {
    open(choice);
    events.event(format.finish(choice, completion.reason()));
  }

  @Override
  public void flush() throws InterruptedException {
    events.flush();
  }
}
