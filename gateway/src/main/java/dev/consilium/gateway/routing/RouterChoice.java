package dev.consilium.gateway.routing;

import dev.consilium.serving.Target;
import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;
import java.util.Set;

/** Chooses a router: the least loaded that can serve, of equals the one with more free cache. */
final class RouterChoice {
  // In steps of a tenth, so that routers alike in load take turns instead of following noise.
  private static final int CACHE_STEPS = 10;

  private static final Comparator<RouterView> BEST_FIRST =
      Comparator.comparingInt(RouterView::load)
          .thenComparingInt(view -> -(int) (view.freeCache() * CACHE_STEPS))
          .thenComparingLong(RouterView::lastChosen)
          .thenComparing(view -> view.address().toString());

  private RouterChoice() {}

  static Optional<RouterView> choose(
      Collection<RouterView> routers, String modelFingerprint, Set<Target> tried) {
    return routers.stream()
        .filter(view -> !tried.contains(view.address()))
        .filter(view -> view.obstacle(modelFingerprint).isEmpty())
        .min(BEST_FIRST);
  }
}
