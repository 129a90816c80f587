package dev.consilium.gateway.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.consilium.gateway.generation.Delta.PlacedToken;
import dev.consilium.gateway.generation.SampledToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Log-probabilities as chat answers spell them. */
final class ChatLogprobs {
  /** As the API spells "as good as impossible": JSON has no infinity. */
  static final double LEAST = -9999.0;

  private final TokenTexts texts;

  ChatLogprobs(TokenTexts texts) {
    this.texts = texts;
  }

  void write(JsonGenerator json, List<PlacedToken> tokens) throws IOException {
    json.writeObjectFieldStart("logprobs");
    json.writeArrayFieldStart("content");
    for (PlacedToken placed : tokens) {
      SampledToken token = placed.token();
      json.writeStartObject();
      token(json, token.id(), token.logprob().orElse(LEAST));
      json.writeArrayFieldStart("top_logprobs");
      for (SampledToken.Alternative alternative : token.alternatives()) {
        json.writeStartObject();
        token(json, alternative.id(), alternative.logprob());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeNullField("refusal");
    json.writeEndObject();
  }

  private void token(JsonGenerator json, int id, double logprob) throws IOException {
    String text = texts.text(id);
    json.writeStringField("token", text);
    json.writeNumberField("logprob", finite(logprob));
    if (text.indexOf('\uFFFD') >= 0) {
      // Part of a character: its bytes are not those of the replacement shown for it.
      json.writeNullField("bytes");
      return;
    }
    json.writeArrayFieldStart("bytes");
    for (byte each : text.getBytes(StandardCharsets.UTF_8)) {
      json.writeNumber(Byte.toUnsignedInt(each));
    }
    json.writeEndArray();
  }

  static double finite(double logprob) {
    return logprob >= LEAST ? logprob : LEAST;
  }
}
