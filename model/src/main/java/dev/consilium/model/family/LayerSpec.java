package dev.consilium.model.family;

/**
 * One layer: norm, attention, residual addition, norm, feed-forward, residual addition.
 *
 * @param index from 0, the layer next to the embedding
 */
public record LayerSpec(int index, AttentionSpec attention, FeedForwardSpec feedForward) {}
