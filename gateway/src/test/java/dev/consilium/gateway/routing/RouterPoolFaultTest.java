package dev.consilium.gateway.routing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.TokenRequest;
import dev.consilium.gateway.generation.TokenStream;
import dev.consilium.serving.Target;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Defects below the threads that watch routers. */
class RouterPoolFaultTest {
  private static final RouterPool.Timing FAST =
      new RouterPool.Timing(Duration.ofMillis(1), Duration.ofMillis(1), Duration.ofMillis(1));
  private static final Target ADDRESS = new Target("a", 1, false);

  /** Its first answers are exceptions that no connection should throw. */
  private record Defective(AtomicInteger asked, CountDownLatch answered)
      implements RouterConnection {
    @Override
    public RouterStatus status() {
      if (asked.getAndIncrement() < 3) {
        throw new IllegalStateException("expected by the test");
      }
      answered.countDown();
      return new RouterStatus("r", "m", 512, 0, 1, true, "", false);
    }

    @Override
    public List<ExpertTokens> utilisation() {
      return List.of();
    }

    @Override
    public TokenStream open(TokenRequest request, Cancellation cancellation) {
      throw new IllegalStateException("not asked for");
    }

    @Override
    public void close() {}
  }

  @Test
  void watching_lookUpAndPollThrow_goesOn() throws InterruptedException {
    AtomicInteger lookUps = new AtomicInteger();
    CountDownLatch answered = new CountDownLatch(1);
    RouterAddresses addresses =
        () -> {
          if (lookUps.getAndIncrement() < 3) {
            throw new IllegalStateException("expected by the test");
          }
          return Set.of(ADDRESS);
        };
    try (RouterPool pool =
        new RouterPool(addresses, _ -> new Defective(new AtomicInteger(), answered), FAST, "m")) {
      pool.start();

      assertThat(answered.await(20, TimeUnit.SECONDS)).isTrue();
    }
  }
}
