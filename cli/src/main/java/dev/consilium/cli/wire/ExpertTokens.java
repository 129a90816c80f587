package dev.consilium.cli.wire;

/**
 * Tokens that one expert computed on one node since the routers started.
 *
 * @param layer from 0
 * @param expert index in the layer
 */
public record ExpertTokens(int layer, int expert, String node, long tokens) {}
