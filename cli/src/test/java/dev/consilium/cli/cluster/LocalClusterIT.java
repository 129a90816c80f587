package dev.consilium.cli.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.router.KvCacheDType;
import dev.consilium.testkit.Fixtures;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalClusterIT {

  private final Installation installation = Installation.locate();
  private final ClassCaches caches = ClassCaches.of(installation);

  @Test
  void startNodes_three_allServeUntilClosed(@TempDir Path logs) throws Exception {
    List<ProcessHandle> processes;
    try (LocalCluster cluster =
        LocalCluster.startNodes(
            ClusterPlan.nodesOnly(Fixtures.model("mixtral"), 3), installation, caches, logs)) {
      processes =
          cluster.processes().values().stream()
              .map(pid -> ProcessHandle.of(pid).orElseThrow())
              .toList();
      assertThat(cluster.nodes()).hasSize(3).doesNotHaveDuplicates();
      assertThat(cluster.processes()).containsOnlyKeys("node-1", "node-2", "node-3");
      for (String node : cluster.nodes()) {
        int port = Integer.parseInt(node.substring(node.indexOf(':') + 1));
        try (HealthProbe probe = HealthProbe.grpc("consilium.expert.v1.ExpertService", port)) {
          assertThat(probe.notReady()).isEmpty();
        }
      }
    }
    assertThat(processes).noneMatch(ProcessHandle::isAlive);
  }

  @Test
  void start_limitPassed_saysWhoWasNotReadyAndLeavesNothing(@TempDir Path logs) {
    ClusterPlan impatient =
        new ClusterPlan(
            Fixtures.demoModel(),
            1,
            1,
            1,
            KvCacheDType.AUTO,
            ClusterPlan.Door.anywhere(),
            new ClusterPlan.Limits(Duration.ofMillis(1), Duration.ofSeconds(15)));
    assertThatThrownBy(() -> LocalCluster.start(impatient, installation, caches, logs))
        .isInstanceOf(ClusterException.class)
        .hasMessageContaining("gateway")
        .hasMessageContaining(logs.toString());
    assertThat(ProcessHandle.current().children().filter(LocalClusterIT::isOfACluster)).isEmpty();
  }

  @Test
  void start_portTaken_isRefusedBeforeAnythingStarts(@TempDir Path logs) throws Exception {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      ClusterPlan plan =
          new ClusterPlan(
              Fixtures.demoModel(),
              1,
              1,
              1,
              KvCacheDType.AUTO,
              new ClusterPlan.Door("127.0.0.1", 0, taken.getLocalPort()),
              ClusterPlan.Limits.usual());
      assertThatThrownBy(() -> LocalCluster.start(plan, installation, caches, logs))
          .isInstanceOf(ClusterException.class)
          .hasMessageContaining("port " + taken.getLocalPort())
          .hasMessageContaining("--grpc-port");
    }
    assertThat(logs).isEmptyDirectory();
  }

  private static boolean isOfACluster(ProcessHandle process) {
    return process
        .info()
        .commandLine()
        .filter(line -> line.contains("exit-with-parent"))
        .isPresent();
  }
}
