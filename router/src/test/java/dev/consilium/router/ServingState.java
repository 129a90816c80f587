package dev.consilium.router;

import dev.consilium.router.dispatch.Utilisation;

/** States of a router process, for tests of what stands on them. */
public final class ServingState {
  private ServingState() {}

  /** A router that has loaded. */
  public static RouterState of(
      String name, Router router, String fingerprint, Utilisation utilisation) {
    RouterState state = new RouterState(name, utilisation);
    state.loaded(router, fingerprint);
    return state;
  }

  /** One that is loading. */
  public static RouterState loading(String name) {
    return new RouterState(name, new Utilisation());
  }

  /** Begins to drain. */
  public static void drain(RouterState state) {
    state.drain();
  }
}
