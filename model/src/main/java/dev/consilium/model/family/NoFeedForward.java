package dev.consilium.model.family;

/** A layer that only mixes tokens: no norm, no feed-forward block behind that. */
public record NoFeedForward() implements FeedForwardSpec {}
