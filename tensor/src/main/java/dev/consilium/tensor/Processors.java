package dev.consilium.tensor;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/** How many threads are worth computing with, and where they may run. */
public final class Processors {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CPUS = Path.of("/sys/devices/system/cpu");
  private static final Path NODES = Path.of("/sys/devices/system/node");
  private static final AtomicBoolean WARNED = new AtomicBoolean();
  private static final String ALLOWED = "Cpus_allowed_list:";

  private Processors() {}

  /**
   * One thread for each core that this process may run on: threads that share a core share its
   * vector units and its way to memory, and only get into each other's way.
   *
   * <p>Never more than the processors that the JVM sees, which heeds the quota of a container. On
   * Linux only the processors of the process's affinity count, so that a process that is bound to
   * one NUMA node computes with that node's cores; elsewhere, or where the system does not say,
   * each processor counts as a core.
   */
  public static int cores() {
    return cores(STATUS, CPUS, Runtime.getRuntime().availableProcessors());
  }

  static int cores(Path status, Path cpus, int available) {
    try {
      Set<String> cores = new HashSet<>();
      for (int cpu : allowed(status)) {
        Path siblings = cpus.resolve("cpu" + cpu + "/topology/thread_siblings_list");
        if (Files.exists(siblings)) { // one may be added to this machine later
          cores.add(Files.readString(siblings).strip());
        }
      }
      return cores.isEmpty() ? available : Math.min(cores.size(), available);
    } catch (IOException | IllegalArgumentException e) {
      return available; // another system, or one that hides its processors
    }
  }

  /** Says once that a process computes on several NUMA nodes, if it does. */
  static void warnOnce(int threads) {
    if (!WARNED.getAndSet(true)) {
      warning(threads, nodes(STATUS, NODES))
          .ifPresent(text ->
              System.getLogger(Processors.class.getName()).log(System.Logger.Level.WARNING, text));
    }
  }

  static Optional<String> warning(int threads, int nodes) {
    return threads < 2 || nodes < 2
        ? Optional.empty()
        : Optional.of(
            "this process computes on %d NUMA nodes and reads weights from the memory of all, which is slower: bind it to one"
                    .formatted(nodes)
                + " (numactl --cpunodebind=0 --membind=0), and give each of the others an expert node of its own");
  }

  /** NUMA nodes that this process may run on; 1 where the system does not say. */
  static int nodes(Path status, Path nodes) {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(nodes, "node[0-9]*")) {
      Set<Integer> allowed = new HashSet<>(allowed(status));
      int count = 0;
      for (Path node : all) {
        String cpus = Files.readString(node.resolve("cpulist")).strip(); // none: memory alone
        if (!cpus.isEmpty() && numbers(cpus).stream().anyMatch(allowed::contains)) {
          count++;
        }
      }
      return Math.max(1, count);
    } catch (IOException | DirectoryIteratorException | IllegalArgumentException e) {
      return 1; // another system, or one that hides its nodes
    }
  }

  private static List<Integer> allowed(Path status) throws IOException {
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith(ALLOWED)) {
        return numbers(line.substring(ALLOWED.length()).strip());
      }
    }
    return List.of();
  }

  /** Such as 0-3,8: the numbers 0, 1, 2, 3 and 8. */
  static List<Integer> numbers(String list) {
    List<Integer> numbers = new ArrayList<>();
    for (String part : list.split(",", -1)) {
      int dash = part.indexOf('-');
      int first = Integer.parseInt(dash < 0 ? part : part.substring(0, dash));
      int last = dash < 0 ? first : Integer.parseInt(part.substring(dash + 1));
      for (int number = first; number <= last; number++) {
        numbers.add(number);
      }
    }
    return numbers;
  }
}
