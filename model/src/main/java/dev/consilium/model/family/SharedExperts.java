package dev.consilium.model.family;

/** The experts of a layer that see every token. */
public sealed interface SharedExperts permits NoSharedExperts, SharedExpert {}
