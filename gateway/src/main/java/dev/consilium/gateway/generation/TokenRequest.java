package dev.consilium.gateway.generation;

/**
 * A sequence to generate.
 *
 * @param requestId for logs and traces, unique to the sequence
 * @param prompt at least one token
 */
public record TokenRequest(String requestId, TokenIds prompt, Settings settings) {}
