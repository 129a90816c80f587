package dev.consilium.placement;

/**
 * A copy of an expert's weights on a node.
 *
 * @param node the node's name
 * @param epoch the node's placement epoch when it was asked
 */
public record ExpertReplica(String node, long epoch) {}
