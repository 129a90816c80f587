package dev.consilium.model.family;

/**
 * Routed experts that see a narrow image of a token, {@code down x}, and whose sum is brought back
 * by {@code up}. Gate and shared expert see the token itself.
 *
 * @param width of that image: what an expert takes and gives
 * @param biases whether both matrices have biases
 */
public record NarrowTokens(int width, boolean biases) {}
