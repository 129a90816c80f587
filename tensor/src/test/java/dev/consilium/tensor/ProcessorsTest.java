package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessorsTest {
  @TempDir Path directory;

  @Test
  void numbers_rangesAndSingles_areAll() {
    assertThat(Processors.numbers("0-3,8,10-11")).containsExactly(0, 1, 2, 3, 8, 10, 11);
  }

  @Test
  void cores_twoThreadsOfEach_countsEachOnce() throws IOException {
    topology("0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7");
    assertThat(Processors.cores(status("0-7"), directory, 8)).isEqualTo(4);
  }

  @Test
  void cores_boundToSomeProcessors_countsTheirCores() throws IOException {
    topology("0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7");
    assertThat(Processors.cores(status("0-1,4"), directory, 3)).isEqualTo(2);
    assertThat(Processors.cores(status("5"), directory, 1)).isEqualTo(1);
  }

  /** Processors that could be plugged in are allowed, too. */
  @Test
  void cores_processorsThatAreNotThere_doNotCount() throws IOException {
    topology("0,1", "0,1", "2,3", "2,3");
    assertThat(Processors.cores(status("0-63"), directory, 4)).isEqualTo(2);
  }

  @Test
  void nodes_ofTheProcessesAffinity_areCounted() throws IOException {
    node(0, "0-3,8-11");
    node(1, "4-7,12-15");
    node(2, ""); // memory alone
    assertThat(Processors.nodes(status("0-15"), directory)).isEqualTo(2);
    assertThat(Processors.nodes(status("4-6"), directory)).isEqualTo(1);
  }

  @Test
  void nodes_systemSaysNothing_isOne() throws IOException {
    assertThat(Processors.nodes(status("0-3"), directory.resolve("none"))).isEqualTo(1);
    node(0, "what?");
    assertThat(Processors.nodes(status("0-3"), directory)).isEqualTo(1);
    assertThat(Processors.nodes(directory.resolve("none"), directory)).isEqualTo(1);
  }

  @Test
  void cores_quotaBelowTheCores_isTheQuota() throws IOException {
    topology("0", "1", "2", "3");
    assertThat(Processors.cores(status("0-3"), directory, 2)).isEqualTo(2);
  }

  @Test
  void cores_systemSaysNothing_isWhatTheJvmSees() throws IOException {
    assertThat(Processors.cores(directory.resolve("none"), directory, 3)).isEqualTo(3);
    assertThat(Processors.cores(status("0-1"), directory.resolve("none"), 3)).isEqualTo(3);
    assertThat(Processors.cores(status("what?"), directory, 3)).isEqualTo(3);
    Path without = Files.writeString(directory.resolve("without"), "Name:\tjava\n");
    assertThat(Processors.cores(without, directory, 3)).isEqualTo(3);
  }

  @Test
  void cores_thisMachine_areAtMostItsProcessors() {
    assertThat(Processors.cores()).isBetween(1, Runtime.getRuntime().availableProcessors());
  }

  @Test
  void warning_severalNodesAndThreads_saysHowToBind() {
    assertThat(Processors.warning(8, 2))
        .hasValueSatisfying(text -> assertThat(text).contains("2 NUMA nodes").contains("numactl"));
    assertThat(Processors.warning(8, 1)).isEmpty();
    assertThat(Processors.warning(1, 2)).isEmpty();
  }

  private void node(int number, String cpus) throws IOException {
    Path node = Files.createDirectories(directory.resolve("node" + number));
    Files.writeString(node.resolve("cpulist"), cpus + "\n");
  }

  private Path status(String allowed) throws IOException {
    return Files.writeString(
        directory.resolve("status"), "Name:\tjava\nCpus_allowed_list:\t" + allowed + "\n");
  }

  private void topology(String... siblings) throws IOException {
    for (int cpu = 0; cpu < siblings.length; cpu++) {
      Path topology = Files.createDirectories(directory.resolve("cpu" + cpu + "/topology"));
      Files.writeString(topology.resolve("thread_siblings_list"), siblings[cpu] + "\n");
    }
  }
}
