package dev.consilium.model.family;

/** How rotary frequencies are changed for contexts longer than the trained one. */
public sealed interface RotaryScaling permits NoScaling, YarnScaling {}
