package dev.consilium.gateway.openai;

import dev.consilium.gateway.generation.Fault;

/** Errors, as bodies and as the last event of a stream that failed. */
public final class ErrorFormat {

  private ErrorFormat() {}

  public static byte[] body(String type, Fault fault) {
    return Json.object(json -> {
      json.writeObjectFieldStart("error");
      json.writeStringField("message", fault.message());
      json.writeStringField("type", type);
      json.writeFieldName("param");
      json.writeString(fault.parameter().orElse(null));
      json.writeStringField("code", fault.code());
      json.writeEndObject();
    });
  }
}
