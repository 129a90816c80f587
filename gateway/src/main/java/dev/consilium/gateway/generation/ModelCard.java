package dev.consilium.gateway.generation;

import java.time.Instant;

/**
 * The served model as clients see it.
 *
 * @param id the name in requests
 * @param fingerprint of its files; routers must have the same
 * @param contextLength most tokens of prompt and answer together
 * @param vocabularySize token ids are below this
 * @param created since when it is served
 */
public record ModelCard(
    String id, String fingerprint, int contextLength, int vocabularySize, Instant created) {

  /** The same with at most this context length. */
  public ModelCard within(int length) {
    return new ModelCard(id, fingerprint, Math.min(contextLength, length), vocabularySize, created);
  }

  /** Requires that a client means this model. */
  public void require(String name) {
    if (!name.equals(id)) {
      throw new Fault(
              Fault.Kind.NOT_FOUND,
              "model_not_found",
              "the model '%s' does not exist; this gateway serves '%s'".formatted(name, id),
              java.util.Optional.of("model"))
          .exception();
    }
  }

  /** Requires a prompt that leaves room for an answer of at least one token. */
  public void requireRoomAfter(TokenIds prompt, String parameter) {
    if (prompt.size() == 0) {
      throw Fault.invalid(
              parameter, "invalid_value", "'%s' must have at least one token".formatted(parameter))
          .exception();
    }
    if (prompt.size() >= contextLength) {
      throw Fault.invalid(
              parameter,
              "context_length_exceeded",
              "this model's context length is %d tokens, but '%s' has %d, which leaves no room for an answer: shorten it"
                  .formatted(contextLength, parameter, prompt.size()))
          .exception();
    }
  }
}
