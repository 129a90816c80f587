package dev.consilium.gateway.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.consilium.gateway.generation.Delta;
import dev.consilium.gateway.generation.Delta.PlacedToken;
import dev.consilium.gateway.generation.FinishReason;
import dev.consilium.gateway.generation.Usage;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Answers of {@code /v1/completions}. */
public final class CompletionFormat implements AnswerFormat {
  private static final String OBJECT = "text_completion";

  private final AnswerHead head;
  private final CommonOptions options;
  private final List<String> echoes;
  private final CompletionLogprobs logprobsWriter;

  /** {@code echoes} are the texts of the prompts if they are to be told again, else empty. */
  public CompletionFormat(
      AnswerHead head, CommonOptions options, List<String> echoes, TokenTexts texts) {
    this.head = head;
    this.options = options;
    this.echoes = List.copyOf(echoes);
    this.logprobsWriter = new CompletionLogprobs(texts);
  }

  @Override
  public Optional<byte[]> opening(int choice) {
    return echoes.isEmpty()
        ? Optional.empty()
        : Optional.of(chunk(choice, echo(choice), List.of(), Optional.empty()));
  }

  private String echo(int choice) {
    return echoes.isEmpty() ? "" : echoes.get(choice / options.choices());
  }

  @Override
  public byte[] delta(int choice, Delta delta) {
    return chunk(choice, delta.text(), delta.tokens(), Optional.empty());
  }

  @Override
  public byte[] finish(int choice, FinishReason reason) {
    return chunk(choice, "", List.of(), Optional.of(reason));
  }

  private byte[] chunk(
      int choice, String text, List<PlacedToken> tokens, Optional<FinishReason> reason) {
    return Json.object(json -> {
      AnswerParts.head(json, head, OBJECT);
      json.writeArrayFieldStart("choices");
      choice(json, choice, text, tokens, reason);
      json.writeEndArray();
      AnswerParts.noUsage(json, options.streaming() == CommonOptions.Streaming.WITH_USAGE);
    });
  }

  @Override
  public byte[] usage(Usage usage) {
    return AnswerParts.usageEvent(head, OBJECT, usage);
  }

  @Override
  public byte[] whole(List<ChoiceAnswer> choices, Usage usage) {
    return Json.object(json -> {
      AnswerParts.head(json, head, OBJECT);
      json.writeArrayFieldStart("choices");
      for (int i = 0; i < choices.size(); i++) {
        ChoiceAnswer choice = choices.get(i);
        choice(json, i, echo(i) + choice.text(), choice.tokens(), Optional.of(choice.reason()));
      }
      json.writeEndArray();
      AnswerParts.usage(json, usage);
    });
  }

  private void choice(
      JsonGenerator json,
      int index,
      String text,
      List<PlacedToken> tokens,
      Optional<FinishReason> reason)
      throws IOException {
    json.writeStartObject();
    json.writeNumberField("index", index);
    json.writeStringField("text", text);
    if (options.settings().topLogprobs().isPresent()) {
      logprobsWriter.write(json, tokens);
    } else {
      json.writeNullField("logprobs");
    }
    json.writeFieldName("finish_reason");
    json.writeString(reason.map(AnswerParts::name).orElse(null));
    json.writeEndObject();
  }
}
