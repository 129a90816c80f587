package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.cli.cluster.ClassCaches;
import dev.consilium.cli.cluster.ClusterPlan;
import dev.consilium.cli.cluster.Installation;
import dev.consilium.cli.cluster.LocalCluster;
import dev.consilium.cli.text.ChatTurn;
import dev.consilium.cli.text.GatewaySource;
import dev.consilium.cli.text.Generated;
import dev.consilium.cli.text.TextOptions;
import dev.consilium.proto.router.v1.RouterServiceGrpc;
import dev.consilium.proto.router.v1.StatusRequest;
import dev.consilium.proto.router.v1.StatusResponse;
import dev.consilium.testkit.Fixtures;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CrowdIT {

  private static final int CLIENTS = 64;
  private static final int TOKENS = 32;
  private static final int PIECES_BEFORE_LEAVING = 3;
  private static final long LIMIT_SECONDS = 240;
  private static final List<String> REQUESTS =
      List.of(
          "Tell me a story about a dog and a ball.",
          "Tell me a story about a fox.",
          "Hello!",
          "Tell me a story about a boat and a storm and a very long way home.",
          "Tell me a story about a king.",
          "Tell me a story about two friends who shared a cake.",
          "Tell me a story about rain.",
          "Tell me a story about a cat.");

  /**
   * Sixty-four clients stream at once and every third leaves in the middle. Who stays gets exactly
   * what he gets alone, whoever shares the batch with him; who leaves leaves nothing behind.
   */
  @Test
  void cluster_crowdThatPartlyLeaves_othersGetTheTokensTheyGetAlone(@TempDir Path logs)
      throws Exception {
    Installation installation = Installation.locate();
    ClusterPlan plan = ClusterPlan.demo(Fixtures.demoModel());
    try (LocalCluster cluster =
        LocalCluster.start(plan, installation, ClassCaches.of(installation), logs)) {
      List<Generated> alone = new ArrayList<>();
      for (int i = 0; i < REQUESTS.size(); i++) {
        alone.add(ask(cluster, i, Integer.MAX_VALUE));
      }

      List<Future<Generated>> crowd = ask(cluster);

      for (int i = 0; i < CLIENTS; i++) {
        Future<Generated> client = crowd.get(i);
        if (leaves(i)) {
          assertThat(client.state()).isEqualTo(Future.State.FAILED);
          assertThat(client.exceptionNow()).isInstanceOf(Left.class);
        } else {
          Generated expected = alone.get(i % REQUESTS.size());
          assertThat(client.get().text()).isEqualTo(expected.text());
          assertThat(client.get().completionTokens()).isEqualTo(expected.completionTokens());
        }
      }
      StatusResponse status = idle(cluster.routers().getFirst());
      assertThat(status.getKvBlocksFree()).isEqualTo(status.getKvBlocksTotal());
    }
    assertThat(LogFiles.complaints(logs)).isEmpty();
  }

  private static boolean leaves(int client) {
    return client % 3 == 2;
  }

  /** All clients at once; each done, one way or another, when this returns. */
  private static List<Future<Generated>> ask(LocalCluster cluster) throws InterruptedException {
    List<Callable<Generated>> clients = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      int client = i;
      int pieces = leaves(i) ? PIECES_BEFORE_LEAVING : Integer.MAX_VALUE;
      clients.add(() -> ask(cluster, client % REQUESTS.size(), pieces));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      return threads.invokeAll(clients, LIMIT_SECONDS, TimeUnit.SECONDS);
    }
  }

  /**
   * A client that has heard enough; thrown out of the middle of the stream, which closes the
   * connection.
   */
  private static final class Left extends CancellationException {
    private static final long serialVersionUID = 1L;
  }

  private static Generated ask(LocalCluster cluster, int request, int pieces)
      throws InterruptedException {
    // Drawn with the model's own temperature and a seed: the same draw for the same logits, to the
    // last bit.
    TextOptions options = TextOptions.upTo(TOKENS).withSeed(1000 + request);
    int[] heard = new int[1];
    try (GatewaySource gateway = new GatewaySource(cluster.gateway())) {
      return gateway.chat(
          List.of(ChatTurn.user(REQUESTS.get(request))),
          options,
          piece -> {
            if (++heard[0] >= pieces) {
              throw new Left();
            }
          });
    }
  }

  /**
   * The router's status once it runs nothing; those who left are noticed within a step, which is
   * not at once.
   */
  private static StatusResponse idle(String router) throws InterruptedException {
    ManagedChannel channel = NettyChannelBuilder.forTarget(router).usePlaintext().build();
    try {
      RouterServiceGrpc.RouterServiceBlockingStub stub = RouterServiceGrpc.newBlockingStub(channel);
      long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
      StatusResponse status = stub.status(StatusRequest.getDefaultInstance());
      while (status.getRunning() + status.getWaiting() > 0 && System.nanoTime() < end) {
        Thread.sleep(20);
        status = stub.status(StatusRequest.getDefaultInstance());
      }
      return status;
    } finally {
      channel.shutdownNow();
    }
  }
}
