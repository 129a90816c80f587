package dev.consilium.expertnode.execution;

import io.grpc.Status;

/**
 * A dispatch that was not computed.
 *
 * @param code chosen by what the router should do about it
 * @param message what happened, where and what to do
 */
public record Refusal(Status.Code code, String message) implements Outcome {}
