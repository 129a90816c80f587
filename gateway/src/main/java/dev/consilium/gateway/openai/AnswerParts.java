package dev.consilium.gateway.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.consilium.gateway.generation.FinishReason;
import dev.consilium.gateway.generation.Usage;
import java.io.IOException;

/** The parts that chat and completion answers share. */
final class AnswerParts {

  private AnswerParts() {}

  static void head(JsonGenerator json, AnswerHead head, String object) throws IOException {
    json.writeStringField("id", head.id());
    json.writeStringField("object", object);
    json.writeNumberField("created", head.createdSeconds());
    json.writeStringField("model", head.model());
    json.writeStringField("system_fingerprint", head.fingerprint());
  }

  static void usage(JsonGenerator json, Usage usage) throws IOException {
    json.writeObjectFieldStart("usage");
    json.writeNumberField("prompt_tokens", usage.promptTokens());
    json.writeNumberField("completion_tokens", usage.completionTokens());
    json.writeNumberField("total_tokens", usage.totalTokens());
    json.writeObjectFieldStart("prompt_tokens_details");
    json.writeNumberField("cached_tokens", usage.cachedTokens());
    json.writeEndObject();
    json.writeEndObject();
  }

  /** With usage asked for, every event but the last says that it does not have it. */
  static void noUsage(JsonGenerator json, boolean usageAskedFor) throws IOException {
    if (usageAskedFor) {
      json.writeNullField("usage");
    }
  }

  static byte[] usageEvent(AnswerHead head, String object, Usage usage) {
    return Json.object(json -> {
      head(json, head, object);
      json.writeArrayFieldStart("choices");
      json.writeEndArray();
      usage(json, usage);
    });
  }

  static String name(FinishReason reason) {
    return switch (reason) {
      case STOP -> "stop";
      case LENGTH -> "length";
    };
  }
}
