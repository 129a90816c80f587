package dev.consilium.cli;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;

/**
 * Since when the user has been waiting: since the command was entered, or since the build that came
 * first had ended.
 */
final class StartClock {

  private StartClock() {}

  static Duration elapsed() {
    // The launcher becomes the JVM without a new process, so the process began when the command was
    // entered.
    Instant jvmStart = Instant.ofEpochMilli(ManagementFactory.getRuntimeMXBean().getStartTime());
    Instant start =
        Boolean.getBoolean("consilium.built")
            ? jvmStart
            : ProcessHandle.current().info().startInstant().orElse(jvmStart);
    return Duration.between(start, Instant.now());
  }
}
