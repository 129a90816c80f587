package dev.consilium.cli.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where the benchmark runs.
 *
 * @param processor its name, or the architecture where the system does not tell
 * @param processors that this process may use
 * @param memoryBytes that this process may use
 * @param system name and version of the operating system
 * @param java version of the JVM
 */
public record Machine(
    String processor, int processors, long memoryBytes, String system, String java) {

  /** This machine. */
  public static Machine here() {
    return new Machine(
        line(Path.of("/proc/cpuinfo"), "model name").orElse(System.getProperty("os.arch")),
        Runtime.getRuntime().availableProcessors(),
        bean().getTotalMemorySize(),
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        Runtime.version().toString());
  }

  /** Memory that could be taken now: free, or the system's to give back. */
  public static long availableBytes() {
    // The bean knows a container's limit, but counts files that are cached as used.
    return line(Path.of("/proc/meminfo"), "MemAvailable")
        .map(text -> Long.parseLong(text.replaceAll("[^0-9]", "")) * 1024)
        .map(available -> Math.min(available, bean().getTotalMemorySize()))
        .orElseGet(() -> bean().getFreeMemorySize());
  }

  private static OperatingSystemMXBean bean() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
  }

  /** What follows the colon in the first line that begins so. */
  private static Optional<String> line(Path file, String beginning) {
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> line.startsWith(beginning))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst();
    } catch (IOException notLinux) {
      return Optional.empty();
    }
  }
}
