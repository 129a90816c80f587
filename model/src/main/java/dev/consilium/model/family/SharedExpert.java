package dev.consilium.model.family;

/**
 * One gated block beside the routed experts, added to their sum.
 *
 * @param intermediateSize width inside the block
 * @param sigmoidGated whether its output is multiplied by the sigmoid of a learned product with the
 *     token
 */
public record SharedExpert(int intermediateSize, boolean sigmoidGated) implements SharedExperts {}
