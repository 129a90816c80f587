package dev.consilium.gateway.generation;

import dev.consilium.gateway.generation.Delta.PlacedToken;
import dev.consilium.model.tokenizer.IncrementalDecoder;
import dev.consilium.model.tokenizer.StopStrings;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Tokens of one choice to text that may be shown. A token is told together with the text it begins
 * in: one whose text is held back, because it may turn out to be a stop text, is held back too. One
 * thread.
 */
final class TextAssembly {
  private final IncrementalDecoder decoder;
  private final StopStrings stops;
  private final Deque<PlacedToken> held = new ArrayDeque<>();
  private int decoded;
  private int shown;

  TextAssembly(IncrementalDecoder decoder, StopStrings stops) {
    this.decoder = decoder;
    this.stops = stops;
  }

  Delta append(SampledToken token) {
    held.add(new PlacedToken(token, decoded));
    String text = decoder.append(token.id());
    decoded += text.length();
    return show(stops.append(text));
  }

  /** The end of the tokens: what was held, unless it completes a stop text. */
  Delta finish() {
    String text = stops.append(decoder.flush());
    if (stops.stopped()) {
      return show(text);
    }
    String all = text + stops.flush();
    List<PlacedToken> rest = List.copyOf(held);
    held.clear();
    return new Delta(all, rest);
  }

  /** Whether a stop text came: the choice is complete and {@link #finish} not needed. */
  boolean stopped() {
    return stops.stopped();
  }

  private Delta show(String text) {
    if (text.isEmpty()) {
      return new Delta("", List.of());
    }
    shown += text.length();
    List<PlacedToken> begun = new ArrayList<>();
    while (!held.isEmpty() && held.peek().offset() < shown) {
      begun.add(held.remove());
    }
    return new Delta(text, begun);
  }
}
