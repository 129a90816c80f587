package dev.consilium.router.sampling;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** Which tokens a sequence has seen, as far as penalties need it. */
public final class TokenHistory {
  private final Set<Integer> seen = new HashSet<>();
  private final Map<Integer, Integer> generated = new HashMap<>();

  /**
   * @param prompt token ids of the prompt
   */
  public TokenHistory(int[] prompt) {
    for (int token : prompt) {
      seen.add(token);
    }
  }

  /** Notes a token of the output. */
  public void add(int token) {
    seen.add(token);
    generated.merge(token, 1, Integer::sum);
  }

  /** Lowers the logits of seen tokens. */
  void penalise(float[] logits, SamplingParameters.Penalties penalties) {
    if (penalties.repetition() != 1) {
      for (int token : seen) {
        logits[token] = repeated(logits[token], penalties.repetition());
      }
    }
    generated.forEach(
        (token, count) -> logits[token] -= penalties.presence() + penalties.frequency() * count);
  }

  private static float repeated(float logit, float penalty) {
    float changed = logit > 0 ? logit / penalty : logit * penalty;
    // A penalty near 0 is allowed, and must not make an infinity that reads as a broken model.
    return Float.isFinite(logit) ? Math.clamp(changed, -Float.MAX_VALUE, Float.MAX_VALUE) : changed;
  }
}
