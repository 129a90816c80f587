package dev.consilium.cli.cluster;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds loopback ports that nobody uses. All are held until the last is found, so that no two are
 * the same. Between then and the start of the process another program may take one: {@link
 * LocalCluster} starts again with others.
 */
final class FreePorts {

  private FreePorts() {}

  /** This many different free ports. */
  static List<Integer> find(int count) {
    List<ServerSocket> held = new ArrayList<>();
    try {
      List<Integer> ports = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        held.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        ports.add(held.getLast().getLocalPort());
      }
      return ports;
    } catch (IOException failed) {
      throw new ClusterException(
          "no free port on the loopback address: " + failed.getMessage(), failed);
    } finally {
      held.forEach(FreePorts::release);
    }
  }

  /**
   * Checks a port that the user chose.
   *
   * @param option what it was chosen with, for the message
   */
  static void requireFree(String host, int port, String option) {
    try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getByName(host))) {
      assert socket.isBound();
    } catch (IOException taken) {
      throw new ClusterException(
          "port %d on %s cannot be used (%s): stop what uses it, or choose another with %s (0: any free one)"
              .formatted(port, host, taken.getMessage(), option),
          taken);
    }
  }

  private static void release(ServerSocket socket) {
    try {
      socket.close();
    } catch (IOException failed) {
      throw new ClusterException(
          "cannot release port " + socket.getLocalPort() + ": " + failed.getMessage(), failed);
    }
  }
}
