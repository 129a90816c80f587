package dev.consilium.model.family;

/** How a layer mixes tokens. */
public sealed interface AttentionSpec
    permits GroupedQueryAttention, LatentAttention, NoMixing, RecurrentAttention {}
