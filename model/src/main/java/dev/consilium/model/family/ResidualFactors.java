package dev.consilium.model.family;

/**
 * Constants of one residual addition, on top of {@link Multipliers#residual}.
 *
 * @param stream what the residual stream is multiplied by
 * @param block what the block's result is
 */
public record ResidualFactors(float stream, float block) {
  /** A plain addition. */
  public static final ResidualFactors NONE = new ResidualFactors(1, 1);
}
