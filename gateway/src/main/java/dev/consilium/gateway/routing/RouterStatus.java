package dev.consilium.gateway.routing;

/**
 * What a router says of itself.
 *
 * @param router its stable name
 * @param modelFingerprint of the model it runs
 * @param contextLength longest sequence it can hold, prompt and answer together, in tokens
 * @param load sequences running and waiting
 * @param freeCache share of its KV cache that is free, 0 to 1
 * @param ready whether it would serve a request now; otherwise {@code notReadyReason} says why not
 */
public record RouterStatus(
    String router,
    String modelFingerprint,
    int contextLength,
    int load,
    double freeCache,
    boolean ready,
    String notReadyReason,
    boolean draining) {}
