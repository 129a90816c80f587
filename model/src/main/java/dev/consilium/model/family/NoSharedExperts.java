package dev.consilium.model.family;

/** Every expert of the layer is chosen by the gate. */
public record NoSharedExperts() implements SharedExperts {}
