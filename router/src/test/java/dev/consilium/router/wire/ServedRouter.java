package dev.consilium.router.wire;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.proto.router.v1.RouterServiceGrpc;
import dev.consilium.router.KvCacheDType;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.RouterState;
import dev.consilium.router.ServingState;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.scheduling.Engine;
import dev.consilium.router.scheduling.EngineLimits.StepLimits;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.testkit.Fixtures;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;

/** A router over the tiny qwen2-moe (4 layers, of which layer 1 has no experts; top 4 of 8). */
final class ServedRouter implements AutoCloseable {
  static final int TOP_K = 4;
  static final int CONTEXT = 512;
  static final int VOCABULARY = 320;

  private final Utilisation utilisation = new Utilisation();
  private final Router router;
  private final RouterState state;
  private final RouterGrpcService service;
  private final Server server;
  private final ManagedChannel channel;

  ServedRouter() throws IOException {
    this(4 << 20);
  }

  /**
   * @param mostUnreadBytes what a slow reader may leave unread
   */
  ServedRouter(int mostUnreadBytes) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("qwen2-moe"))) {
      router =
          Router.open(
              checkpoint,
              new RouterOptions(
                  new RouterOptions.LocalExpertsOnly("router-0"),
                  1,
                  RoundTo.F32,
                  KvCacheDType.F32,
                  CONTEXT,
                  4,
                  new StepLimits(32, 16, 2)),
              utilisation,
              EngineObserver.NONE);
      state = ServingState.of("router-0", router, checkpoint.fingerprint(), utilisation);
    }
    service = new RouterGrpcService(state, mostUnreadBytes);
    String name = InProcessServerBuilder.generateName();
    server = InProcessServerBuilder.forName(name).addService(service).build().start();
    channel = InProcessChannelBuilder.forName(name).build();
  }

  RouterState state() {
    return state;
  }

  Engine engine() {
    return router.engine();
  }

  String fingerprint() {
    return state.fingerprint();
  }

  RouterServiceGrpc.RouterServiceStub stub() {
    return RouterServiceGrpc.newStub(channel);
  }

  RouterServiceGrpc.RouterServiceBlockingStub blocking() {
    return RouterServiceGrpc.newBlockingStub(channel);
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
    service.close();
    router.close();
  }
}
