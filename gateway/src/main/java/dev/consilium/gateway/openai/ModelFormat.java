package dev.consilium.gateway.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.consilium.gateway.generation.ModelCard;
import java.io.IOException;

/** Answers of {@code /v1/models}. */
public final class ModelFormat {

  private ModelFormat() {}

  public static byte[] list(ModelCard model) {
    return Json.object(json -> {
      json.writeStringField("object", "list");
      json.writeArrayFieldStart("data");
      json.writeStartObject();
      fields(json, model);
      json.writeEndObject();
      json.writeEndArray();
    });
  }

  public static byte[] one(ModelCard model) {
    return Json.object(json -> fields(json, model));
  }

  private static void fields(JsonGenerator json, ModelCard model) throws IOException {
    json.writeStringField("id", model.id());
    json.writeStringField("object", "model");
    json.writeNumberField("created", model.created().getEpochSecond());
    json.writeStringField("owned_by", "consilium");
    // vLLM's name for it, which clients know.
    json.writeNumberField("max_model_len", model.contextLength());
  }
}
