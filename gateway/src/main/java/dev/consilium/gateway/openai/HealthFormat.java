package dev.consilium.gateway.openai;

import java.util.Map;
import java.util.Optional;

/** Answers of the health endpoints; not part of OpenAI's API, but JSON like the rest. */
public final class HealthFormat {

  private HealthFormat() {}

  public static byte[] live() {
    return Json.object(json -> json.writeStringField("status", "live"));
  }

  /** {@code obstacles}: by router address why it cannot serve, empty for those that can. */
  public static byte[] ready(
      boolean ready, String reason, Map<String, Optional<String>> obstacles) {
    return Json.object(json -> {
      json.writeStringField("status", ready ? "ready" : "not ready");
      if (!ready) {
        json.writeStringField("reason", reason);
      }
      json.writeArrayFieldStart("routers");
      for (Map.Entry<String, Optional<String>> router : obstacles.entrySet()) {
        json.writeStartObject();
        json.writeStringField("address", router.getKey());
        json.writeBooleanField("ready", router.getValue().isEmpty());
        if (router.getValue().isPresent()) {
          json.writeStringField("reason", router.getValue().get());
        }
        json.writeEndObject();
      }
      json.writeEndArray();
    });
  }
}
