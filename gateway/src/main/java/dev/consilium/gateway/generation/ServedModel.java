package dev.consilium.gateway.generation;

import dev.consilium.model.tokenizer.Tokenizer;
import java.util.Optional;
import java.util.function.IntSupplier;

/**
 * What a gateway has of its model: everything but the weights.
 *
 * @param whole the model as its files have it
 * @param servedLength longest sequence that can be served now, in tokens
 * @param chat empty if the model has no chat template
 * @param defaults sampling where a request says nothing
 */
public record ServedModel(
    ModelCard whole,
    IntSupplier servedLength,
    Tokenizer tokenizer,
    Optional<ChatRenderer> chat,
    Sampling defaults) {

  /** The model as it is served now: routers may hold less than its context length. */
  public ModelCard card() {
    return whole.within(servedLength.getAsInt());
  }

  /** The same model, served by what holds sequences of so many tokens. */
  public ServedModel servedWithin(IntSupplier length) {
    return new ServedModel(whole, length, tokenizer, chat, defaults);
  }

  /** A conversation as tokens; the template writes the special ones. */
  public TokenIds render(ChatRenderer.Conversation conversation) {
    ChatRenderer renderer =
        chat.orElseThrow(() ->
            Fault.of(
                    Fault.Kind.INVALID,
                    "no_chat_template",
                    "the model '%s' has no chat template: use completions instead"
                        .formatted(whole.id()))
                .exception());
    TokenIds prompt = encode(renderer.render(conversation), false, "messages");
    card().requireRoomAfter(prompt, "messages");
    return prompt;
  }

  /** A text as the tokens of a prompt. */
  public TokenIds prompt(String text, String parameter) {
    TokenIds prompt = encode(text, true, parameter);
    card().requireRoomAfter(prompt, parameter);
    return prompt;
  }

  public TokenIds encode(String text, boolean addSpecialTokens, String parameter) {
    try {
      return TokenIds.of(tokenizer.encode(text, addSpecialTokens));
    } catch (IllegalArgumentException tooLong) {
      throw Fault.invalid(
              parameter, "string_above_max_length", String.valueOf(tooLong.getMessage()))
          .exception(tooLong);
    }
  }

  /** The text of one token alone; U+FFFD where it is no whole character. */
  public String tokenText(int id) {
    return tokenizer.decode(new int[] {id}, false);
  }
}
