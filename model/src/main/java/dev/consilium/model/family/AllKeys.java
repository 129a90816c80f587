package dev.consilium.model.family;

/** All of them. */
public record AllKeys() implements KeyRange {}
