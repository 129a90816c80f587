package dev.consilium.gateway.openai;

import dev.consilium.gateway.generation.ModelCard;
import java.time.Instant;

/**
 * What every piece of an answer begins with.
 *
 * @param fingerprint of the model's files, shortened: the same one gives the same tokens
 */
public record AnswerHead(String id, long createdSeconds, String model, String fingerprint) {
  private static final int FINGERPRINT_LENGTH = 12;

  public static AnswerHead of(String id, Instant now, ModelCard model) {
    String fingerprint = model.fingerprint().replaceAll("[^0-9A-Za-z]", "");
    int length = Math.min(FINGERPRINT_LENGTH, fingerprint.length());
    return new AnswerHead(
        id, now.getEpochSecond(), model.id(), "fp_" + fingerprint.substring(0, length));
  }
}
