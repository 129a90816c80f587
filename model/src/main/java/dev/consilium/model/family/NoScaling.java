package dev.consilium.model.family;

/** The frequencies as trained. */
public record NoScaling() implements RotaryScaling {}
