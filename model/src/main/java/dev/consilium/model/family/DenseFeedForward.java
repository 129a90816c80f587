package dev.consilium.model.family;

/**
 * One gated block for every token: {@code down(silu(gate x) * up x)}.
 *
 * @param intermediateSize width inside the block
 */
public record DenseFeedForward(int intermediateSize) implements FeedForwardSpec {}
