package dev.consilium.gateway.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.consilium.gateway.generation.Delta;
import dev.consilium.gateway.generation.Delta.PlacedToken;
import dev.consilium.gateway.generation.FinishReason;
import dev.consilium.gateway.generation.Usage;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Answers of {@code /v1/chat/completions}. */
public final class ChatFormat implements AnswerFormat {
  private static final String WHOLE = "chat.completion";
  private static final String CHUNK = "chat.completion.chunk";

  private final AnswerHead head;
  private final boolean logprobs;
  private final boolean usageInEvents;
  private final ChatLogprobs logprobsWriter;

  public ChatFormat(AnswerHead head, CommonOptions options, TokenTexts texts) {
    this.head = head;
    this.logprobs = options.settings().topLogprobs().isPresent();
    this.usageInEvents = options.streaming() == CommonOptions.Streaming.WITH_USAGE;
    this.logprobsWriter = new ChatLogprobs(texts);
  }

  @Override
  public Optional<byte[]> opening(int choice) {
    return Optional.of(
        chunk(
            choice,
            json -> {
              json.writeStringField("role", "assistant");
              json.writeStringField("content", "");
              json.writeNullField("refusal");
            },
            json -> json.writeNullField("logprobs"),
            Optional.empty()));
  }

  @Override
  public byte[] delta(int choice, Delta delta) {
    return chunk(
        choice,
        json -> json.writeStringField("content", delta.text()),
        json -> logprobs(json, delta.tokens()),
        Optional.empty());
  }

  @Override
  public byte[] finish(int choice, FinishReason reason) {
    return chunk(choice, json -> {}, json -> json.writeNullField("logprobs"), Optional.of(reason));
  }

  private byte[] chunk(
      int choice, Json.Body delta, Json.Body logprobsField, Optional<FinishReason> reason) {
    return Json.object(json -> {
      AnswerParts.head(json, head, CHUNK);
      json.writeArrayFieldStart("choices");
      json.writeStartObject();
      json.writeNumberField("index", choice);
      json.writeObjectFieldStart("delta");
      delta.write(json);
      json.writeEndObject();
      logprobsField.write(json);
      json.writeFieldName("finish_reason");
      json.writeString(reason.map(AnswerParts::name).orElse(null));
      json.writeEndObject();
      json.writeEndArray();
      AnswerParts.noUsage(json, usageInEvents);
    });
  }

  private void logprobs(JsonGenerator json, List<PlacedToken> tokens) throws IOException {
    if (logprobs) {
      logprobsWriter.write(json, tokens);
    } else {
      json.writeNullField("logprobs");
    }
  }

  @Override
  public byte[] usage(Usage usage) {
    return AnswerParts.usageEvent(head, CHUNK, usage);
  }

  @Override
  public byte[] whole(List<ChoiceAnswer> choices, Usage usage) {
    return Json.object(json -> {
      AnswerParts.head(json, head, WHOLE);
      json.writeArrayFieldStart("choices");
      for (int i = 0; i < choices.size(); i++) {
        whole(json, i, choices.get(i));
      }
      json.writeEndArray();
      AnswerParts.usage(json, usage);
    });
  }

  private void whole(JsonGenerator json, int index, ChoiceAnswer choice) throws IOException {
    json.writeStartObject();
    json.writeNumberField("index", index);
    json.writeObjectFieldStart("message");
    json.writeStringField("role", "assistant");
    json.writeStringField("content", choice.text());
    json.writeNullField("refusal");
    json.writeEndObject();
    logprobs(json, choice.tokens());
    json.writeStringField("finish_reason", AnswerParts.name(choice.reason()));
    json.writeEndObject();
  }
}
