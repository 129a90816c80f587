package dev.consilium.expertnode.wire;

/**
 * What does not change while the node runs.
 *
 * @param name unique in the cluster
 * @param modelFingerprint of the checkpoint
 * @param device {@code "cpu"}
 * @param hiddenSize width of the hidden state as experts see it
 */
public record NodeFacts(String name, String modelFingerprint, String device, int hiddenSize) {}
