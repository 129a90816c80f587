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

  /** Linux tells programs times in hundredths of a second, whatever its own clock does. */
  private static final Duration TICK = Duration.ofMillis(10);

  private StartClock() {}

  static Duration elapsed() {
    Duration ofJvm = Duration.ofMillis(ManagementFactory.getRuntimeMXBean().getUptime());
    // The launcher becomes the JVM without a new process, so the process began when the command was
    // entered.
    return Boolean.getBoolean("consilium.built") ? ofJvm : ofProcess().orElse(ofJvm);
  }

  /**
   * Since the process began, where Linux says so. Its ticks are taken as they are: {@link
   * ProcessHandle} adds them to the second in which the machine started, and is wrong by up to one.
   */
  private static Optional<Duration> ofProcess() {
    if (!Files.isReadable(PROCESS) || !Files.isReadable(UPTIME)) {
      return Optional.empty();
    }
    try {
      String process = Files.readString(PROCESS);
      String[] values = process.substring(process.lastIndexOf(')') + 2).split(" ", -1);
      double seconds = Double.parseDouble(Files.readString(UPTIME).split(" ", -1)[0]);
      Duration began = TICK.multipliedBy(Long.parseLong(values[BEGAN]));
      return Optional.of(Duration.ofMillis(Math.round(seconds * 1000)).minus(began));
    } catch (IOException unreadable) {
      return Optional.empty(); // no reason to fail: it is for people to read
    }
  }
}
