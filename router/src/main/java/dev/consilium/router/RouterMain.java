package dev.consilium.router;

import dev.consilium.serving.Lifecycle;
import java.util.List;

/** Starts a router process. */
public final class RouterMain {
  private RouterMain() {}

  public static void main(String[] arguments) {
    Lifecycle.run("router", arguments, List.of(RouterSettings.class), RouterProcess::start);
  }
}
