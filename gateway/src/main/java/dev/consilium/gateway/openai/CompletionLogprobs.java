package dev.consilium.gateway.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.consilium.gateway.generation.Delta.PlacedToken;
import dev.consilium.gateway.generation.SampledToken;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Log-probabilities as completion answers spell them: one array for each property. */
final class CompletionLogprobs {
  private final TokenTexts texts;

  CompletionLogprobs(TokenTexts texts) {
    this.texts = texts;
  }

  void write(JsonGenerator json, List<PlacedToken> tokens) throws IOException {
    json.writeObjectFieldStart("logprobs");
    json.writeArrayFieldStart("tokens");
    for (PlacedToken token : tokens) {
      json.writeString(texts.text(token.token().id()));
    }
    json.writeEndArray();
    json.writeArrayFieldStart("token_logprobs");
    for (PlacedToken token : tokens) {
      json.writeNumber(ChatLogprobs.finite(token.token().logprob().orElse(ChatLogprobs.LEAST)));
    }
    json.writeEndArray();
    json.writeArrayFieldStart("top_logprobs");
    for (PlacedToken token : tokens) {
      alternatives(json, token.token());
    }
    json.writeEndArray();
    json.writeArrayFieldStart("text_offset");
    for (PlacedToken token : tokens) {
      json.writeNumber(token.offset());
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  /** By text: of tokens that look the same, the most probable is told. */
  private void alternatives(JsonGenerator json, SampledToken token) throws IOException {
    Map<String, Double> byText = new LinkedHashMap<>();
    for (SampledToken.Alternative alternative : token.alternatives()) {
      byText.putIfAbsent(texts.text(alternative.id()), ChatLogprobs.finite(alternative.logprob()));
    }
    token
        .logprob()
        .ifPresent(
            logprob -> byText.putIfAbsent(texts.text(token.id()), ChatLogprobs.finite(logprob)));
    json.writeStartObject();
    for (Map.Entry<String, Double> each : byText.entrySet()) {
      json.writeNumberField(each.getKey(), each.getValue());
    }
    json.writeEndObject();
  }
}
