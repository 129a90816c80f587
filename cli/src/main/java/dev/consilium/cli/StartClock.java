package dev.consilium.cli;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Since when the user has been waiting: since the command was entered, or since the build that came
 * first had ended.
 */
final class StartClock {

  private static final Path PROCESS = Path.of("/proc/self/stat");
  private static final Path UPTIME = Path.of("/proc/uptime");

  /** When a process began, among the values behind its name: the 22nd of all. */
  private static final int BEGAN = 19;

  /** Of both times, which are cut to hundredths. */
  private static final Duration ROUNDING = Duration.ofMillis(20);

  private StartClock() {}

  static Duration elapsed() {
    Duration ofJvm = Duration.ofMillis(ManagementFactory.getRuntimeMXBean().getUptime());
    if (Boolean.getBoolean("consilium.built")) {
      return ofJvm;
    }
    // The launcher becomes the JVM without a new process, so the process began when the command was
    // entered. Some containers see another start of the machine than that of their processes.
    return ofProcess().filter(time -> time.compareTo(ofJvm.minus(ROUNDING)) > 0).orElse(ofJvm);
  }

  /**
   * Since the process began, where Linux says so: in hundredths of a second, as it tells programs
   * all times, since the machine started. {@link ProcessHandle} adds them to the second in which
   * that was, and is wrong by up to one.
   */
  private static Optional<Duration> ofProcess() {
    try {
      String process = Files.readString(PROCESS);
      String[] values = process.substring(process.lastIndexOf(')') + 2).split(" ", -1);
      String uptime = Files.readString(UPTIME);
      String hundredths = uptime.substring(0, uptime.indexOf(' ')).replace(".", "");
      long ticks = Long.parseLong(hundredths) - Long.parseLong(values[BEGAN]);
      return Optional.of(Duration.ofMillis(10 * ticks));
    } catch (IOException | RuntimeException other) {
      // Not Linux, or another one. No reason to fail: it is for people to read.
      return Optional.empty();
    }
  }
}
