package dev.consilium.gateway.routing;

import dev.consilium.serving.Target;
import java.io.IOException;
import java.util.Set;

/** Where routers are: a fixed list, or names that may resolve to others tomorrow. */
@FunctionalInterface
public interface RouterAddresses {

  /** The addresses now, may block while names are looked up. */
  Set<Target> lookUp() throws IOException;
}
