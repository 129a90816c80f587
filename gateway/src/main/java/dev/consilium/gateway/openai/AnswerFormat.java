package dev.consilium.gateway.openai;

import dev.consilium.gateway.generation.Delta;
import dev.consilium.gateway.generation.FinishReason;
import dev.consilium.gateway.generation.Usage;
import java.util.List;
import java.util.Optional;

/** How an answer is spelled: whole, or as the events of a stream. */
public sealed interface AnswerFormat permits ChatFormat, CompletionFormat {

  /** The event that opens a choice, if there is one. */
  Optional<byte[]> opening(int choice);

  /** The event of new text. */
  byte[] delta(int choice, Delta delta);

  /** The event that ends a choice. */
  byte[] finish(int choice, FinishReason reason);

  /** The event after all choices that tells their tokens. */
  byte[] usage(Usage usage);

  /** The whole answer. */
  byte[] whole(List<ChoiceAnswer> choices, Usage usage);
}
