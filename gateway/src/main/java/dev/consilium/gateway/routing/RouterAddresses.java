package dev.consilium.gateway.routing;

import java.io.IOException;
import java.util.Set;

/** Where routers are: a fixed list, or names that may resolve to others tomorrow. */
@FunctionalInterface
public interface RouterAddresses {

  /** The addresses now, each {@code host:port}; may block while names are looked up. */
  Set<String> lookUp() throws IOException;
}
