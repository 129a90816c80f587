package dev.consilium.gateway;

import dev.consilium.testkit.Fixtures;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Starts a fake router before the application, and points the application at it. */
public final class RouterForQuarkus implements QuarkusTestResourceLifecycleManager {
  private static @Nullable FakeRouter router;

  static void answers(FakeRouter.Answer answer) {
    running().answers(answer);
  }

  private static FakeRouter running() {
    FakeRouter now = router;
    if (now == null) {
      throw new IllegalStateException("no router runs");
    }
    return now;
  }

  @Override
  public Map<String, String> start() {
    try {
      router = FakeRouter.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    System.setProperty("consilium.model", Fixtures.demoModel().toString());
    System.setProperty("consilium.gateway.routers", "127.0.0.1:" + running().port());
    System.setProperty("consilium.gateway.grpc-port", "0");
    return Map.of("quarkus.http.host", "127.0.0.1", "quarkus.http.test-port", "0");
  }

  @Override
  public void stop() {
    System.clearProperty("consilium.model");
    System.clearProperty("consilium.gateway.routers");
    System.clearProperty("consilium.gateway.grpc-port");
    running().close();
  }
}
