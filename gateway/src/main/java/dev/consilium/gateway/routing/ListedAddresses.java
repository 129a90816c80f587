package dev.consilium.gateway.routing;

import dev.consilium.serving.Target;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Routers as configured: some stand for themselves, some for every address that a name has when
 * looked up, as headless services in Kubernetes do.
 */
public final class ListedAddresses implements RouterAddresses {
  private final List<Target> targets;

  public ListedAddresses(List<Target> targets) {
    this.targets = List.copyOf(targets);
  }

  @Override
  public Set<Target> lookUp() throws IOException {
    Set<Target> servers = new LinkedHashSet<>();
    for (Target target : targets) {
      servers.addAll(target.servers());
    }
    return servers;
  }
}
