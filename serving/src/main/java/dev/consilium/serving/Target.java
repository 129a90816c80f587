package dev.consilium.serving;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Where servers are reached: {@code "host:port"} for one, {@code "dns:///name:port"} for all
 * addresses that the name resolves to (a headless service in Kubernetes).
 *
 * @param host name or address, IPv6 addresses in brackets
 * @param port 1 to 65535
 * @param everyAddress whether each address behind the name is a server of its own
 */
public record Target(String host, int port, boolean everyAddress) {

  private static final String DNS = "dns:///";
  private static final int MOST_TARGETS = 4096;

  public Target {
    if (host.isBlank() || port < 1 || port > 65535) {
      throw new IllegalArgumentException(
          "target has host \"%s\" and port %d, expected a host and a port of 1 to 65535"
              .formatted(host, port));
    }
  }

  /** Reads one target. */
  public static Target parse(String text) {
    String stripped = text.strip();
    boolean dns = stripped.startsWith(DNS);
    String address = dns ? stripped.substring(DNS.length()) : stripped;
    int colon = address.lastIndexOf(':');
    boolean bareIpv6 = address.indexOf(':') != colon && !address.startsWith("[");
    if (colon < 1 || bareIpv6 || address.contains("/")) {
      throw malformed(text);
    }
    try {
      return new Target(
          address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)), dns);
    } catch (NumberFormatException notANumber) {
      throw malformed(text);
    }
  }

  /** Reads a list separated by commas; blank entries are skipped. */
  public static List<Target> parseList(String text) {
    List<Target> targets =
        Arrays.stream(text.split(",", MOST_TARGETS))
            .filter(entry -> !entry.isBlank())
            .map(Target::parse)
            .toList();
    return targets;
  }

  private static IllegalArgumentException malformed(String text) {
    return new IllegalArgumentException(
        "target is \"" + text + "\", expected host:port, [ipv6]:port or dns:///name:port");
  }

  /**
   * The servers behind this target now, in a fixed order: itself, or one for each address that its
   * name resolves to.
   *
   * @throws UnknownHostException if the name does not resolve; it may later
   */
  public List<Target> servers() throws UnknownHostException {
    if (!everyAddress) {
      return List.of(this);
    }
    List<Target> servers = new ArrayList<>();
    for (InetAddress address : InetAddress.getAllByName(host)) {
      String literal = address.getHostAddress();
      servers.add(new Target(literal.contains(":") ? "[" + literal + "]" : literal, port, false));
    }
    servers.sort((one, other) -> one.host.compareTo(other.host));
    return List.copyOf(servers);
  }

  /** As gRPC reads it. */
  public String uri() {
    return DNS + host + ":" + port;
  }

  @Override
  public String toString() {
    return (everyAddress ? DNS : "") + host + ":" + port;
  }
}
