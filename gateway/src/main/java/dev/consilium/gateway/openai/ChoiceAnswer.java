package dev.consilium.gateway.openai;

import dev.consilium.gateway.generation.Delta.PlacedToken;
import dev.consilium.gateway.generation.FinishReason;
import java.util.List;

/** One choice, complete. */
public record ChoiceAnswer(String text, List<PlacedToken> tokens, FinishReason reason) {
  public ChoiceAnswer {
    tokens = List.copyOf(tokens);
  }
}
