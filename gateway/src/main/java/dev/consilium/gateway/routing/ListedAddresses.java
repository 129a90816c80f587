package dev.consilium.gateway.routing;

import java.io.IOException;
import java.net.InetAddress;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Routers as configured: {@code host:port} stands for itself, {@code dns:///name:port} for every
 * address that the name has when looked up, as headless services in Kubernetes do.
 */
public final class ListedAddresses implements RouterAddresses {
  private static final Pattern ENTRY =
      Pattern.compile("(dns:///)?(\\[[0-9a-fA-F:.]+]|[^:/\\[\\]]+):(\\d{1,5})");

  private final List<String> entries;

  public ListedAddresses(List<String> entries) {
    if (entries.isEmpty()) {
      throw new IllegalArgumentException(
          "consilium.gateway.routers names no router: set it to host:port,... or dns:///name:port");
    }
    entries.forEach(ListedAddresses::parse);
    this.entries = List.copyOf(entries);
  }

  @Override
  public Set<String> lookUp() throws IOException {
    Set<String> addresses = new LinkedHashSet<>();
    for (String entry : entries) {
      Matcher parts = parse(entry);
      if (parts.group(1) == null) {
        addresses.add(entry);
      } else {
        addresses.addAll(resolve(parts.group(2), parts.group(3)));
      }
    }
    return addresses;
  }

  private static Set<String> resolve(String name, String port) throws IOException {
    Set<String> addresses = new LinkedHashSet<>();
    for (InetAddress address : InetAddress.getAllByName(name)) {
      String host = address.getHostAddress();
      addresses.add((host.contains(":") ? "[" + host + "]" : host) + ":" + port);
    }
    return addresses;
  }

  private static Matcher parse(String entry) {
    Matcher parts = ENTRY.matcher(entry);
    if (!parts.matches() || Integer.parseInt(parts.group(3)) > 65535) {
      throw new IllegalArgumentException(
          "consilium.gateway.routers: '%s' is neither host:port nor dns:///name:port"
              .formatted(entry));
    }
    return parts;
  }
}
