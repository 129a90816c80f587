package dev.consilium.model.family;

/**
 * YaRN: fast dimensions keep their frequency, slow ones are stretched by {@code factor}, those
 * between are blended.
 *
 * @param factor how many times longer the context is than the trained one, at least 1
 * @param originalContextLength the trained context, in tokens
 * @param betaFast dimensions with more turns than this over the trained context keep their
 *     frequency
 * @param betaSlow dimensions with fewer turns than this are stretched fully
 * @param truncate whether the blend's bounds are rounded outwards to whole dimensions
 * @param attentionFactor what cosine and sine are multiplied by
 * @see <a href="https://arxiv.org/abs/2309.00071">YaRN, section 3</a>
 */
public record YarnScaling(
    double factor,
    int originalContextLength,
    double betaFast,
    double betaSlow,
    boolean truncate,
    double attentionFactor)
    implements RotaryScaling {

  public YarnScaling {
    if (!(factor >= 1) || factor > Float.MAX_VALUE) {
      throw new IllegalArgumentException("factor is " + factor + ", want a finite number from 1");
    }
    if (originalContextLength < 1) {
      throw new IllegalArgumentException(
          "original context is " + originalContextLength + ", want at least 1");
    }
    if (!(betaSlow > 0) || !(betaFast >= betaSlow) || betaFast > Float.MAX_VALUE) {
      throw new IllegalArgumentException(
          "beta_fast is %s and beta_slow %s, want beta_fast >= beta_slow > 0"
              .formatted(betaFast, betaSlow));
    }
    if (!(attentionFactor > 0) || attentionFactor > Float.MAX_VALUE) {
      throw new IllegalArgumentException(
          "attention factor is " + attentionFactor + ", want a finite number above 0");
    }
  }
}
