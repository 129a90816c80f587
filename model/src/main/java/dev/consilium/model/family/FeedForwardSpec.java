package dev.consilium.model.family;

/** What a layer does to each token by itself. */
public sealed interface FeedForwardSpec permits DenseFeedForward, MixtureOfExperts, NoFeedForward {}
