package dev.consilium.tensor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** How many threads are worth computing with. */
public final class Processors {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CPUS = Path.of("/sys/devices/system/cpu");
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
        cores.add(Files.readString(siblings).strip());
      }
      return cores.isEmpty() ? available : Math.min(cores.size(), available);
    } catch (IOException | IllegalArgumentException e) {
      return available; // another system, or one that hides its processors
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
