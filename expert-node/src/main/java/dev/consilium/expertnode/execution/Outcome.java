package dev.consilium.expertnode.execution;

/** How a dispatch ended. */
public sealed interface Outcome permits Outputs, Refusal {}
