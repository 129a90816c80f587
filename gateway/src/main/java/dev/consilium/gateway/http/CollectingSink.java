package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.Completion;
import dev.consilium.gateway.generation.Delta;
import dev.consilium.gateway.generation.Delta.PlacedToken;
import dev.consilium.gateway.generation.FinishReason;
import dev.consilium.gateway.generation.GenerationSink;
import dev.consilium.gateway.openai.ChoiceAnswer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Keeps all choices until they are complete. Bounded: a choice has no more tokens than the context
 * length.
 */
final class CollectingSink implements GenerationSink {
  private final List<Choice> choices;

  private static final class Choice {
    private final StringBuilder text = new StringBuilder();
    private final List<PlacedToken> tokens = new ArrayList<>();
    private FinishReason reason = FinishReason.LENGTH;
  }

  CollectingSink(int choices) {
    this.choices = Stream.generate(Choice::new).limit(choices).toList();
  }

  @Override
  public void delta(int choice, Delta delta) {
    Choice to = choices.get(choice);
    to.text.append(delta.text());
    to.tokens.addAll(delta.tokens());
  }

  @Override
  public void finish(int choice, Completion completion) {
    choices.get(choice).reason = completion.reason();
  }

  @Override
  public void flush() {}

  List<ChoiceAnswer> answers() {
    return choices.stream()
        .map(each -> new ChoiceAnswer(each.text.toString(), each.tokens, each.reason))
        .toList();
  }
}
