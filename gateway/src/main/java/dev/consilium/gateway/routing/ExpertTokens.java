package dev.consilium.gateway.routing;

/** Tokens that one expert computed on one node since a router started. */
public record ExpertTokens(int layer, int expert, String node, long tokens) {}
