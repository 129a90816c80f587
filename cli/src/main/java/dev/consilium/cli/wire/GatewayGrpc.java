package dev.consilium.cli.wire;

import dev.consilium.cli.CommandFailure;
import dev.consilium.proto.inference.v1.InferenceServiceGrpc;
import dev.consilium.proto.inference.v1.UtilisationRequest;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The gateway's public gRPC service. */
public final class GatewayGrpc implements AutoCloseable {

  private static final long TIMEOUT_SECONDS = 10;

  private final ManagedChannel channel;

  public GatewayGrpc(String host, int port) {
    this.channel = NettyChannelBuilder.forAddress(host, port).usePlaintext().build();
  }

  /** Which node computed how many tokens for which expert, now. */
  public List<ExpertTokens> utilisation() {
    try {
      return InferenceServiceGrpc.newBlockingStub(channel)
          .withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS)
          .utilisation(UtilisationRequest.getDefaultInstance())
          .next()
          .getCountsList()
          .stream()
          .map(count ->
              new ExpertTokens(
                  count.getLayer(), count.getExpert(), count.getNode(), count.getTokens()))
          .toList();
    } catch (StatusRuntimeException failed) {
      throw new CommandFailure(
          "the gateway did not tell the tokens of each expert: " + failed.getStatus(), failed);
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
