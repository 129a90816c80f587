package dev.consilium.deploy.manifests;

/**
 * Pods that may connect to a port of pods.
 *
 * @param from a component, a namespace as {@code namespace:name}, or {@code anywhere}
 * @param to likewise
 */
record Arrow(String from, String to, int port) implements Comparable<Arrow> {

  @Override
  public int compareTo(Arrow other) {
    return toString().compareTo(other.toString());
  }

  @Override
  public String toString() {
    return from + " -> " + to + ":" + port;
  }
}
