package dev.consilium.model.family;

/** A layer that is a feed-forward block only: no norm, no mixing of tokens before it. */
public record NoMixing() implements AttentionSpec {}
