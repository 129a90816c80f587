package dev.consilium.router.wire;

import dev.consilium.model.expert.RoundTo;
import dev.consilium.router.dispatch.ExpertNode;
import dev.consilium.serving.Callbacks;
import dev.consilium.serving.Channels;
import dev.consilium.serving.Target;
import java.time.Duration;

/**
 * Connects to expert nodes over gRPC.
 *
 * @param hiddenSize width of a hidden state as experts see it
 * @param dtype of tensors on the wire, both ways
 * @param timeout wait for a node's answer
 */
public record NodeConnector(Channels channels, int hiddenSize, RoundTo dtype, Duration timeout) {

  public ExpertNode connect(Target target) {
    return new GrpcExpertNode(
        target.toString(),
        channels.open(target, Callbacks.ON_NETWORK_THREAD),
        hiddenSize,
        dtype,
        timeout);
  }
}
