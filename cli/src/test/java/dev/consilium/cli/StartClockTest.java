package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class StartClockTest {

  @Test
  void elapsed_betweenJvmAndProcessHandle() {
    Duration least = Duration.ofMillis(ManagementFactory.getRuntimeMXBean().getUptime());
    Duration elapsed = StartClock.elapsed();
    Instant start = ProcessHandle.current().info().startInstant().orElseThrow();
    Duration most = Duration.between(start, Instant.now());
    // Ticks of 10 ms are cut off; the process handle's boot time is cut to whole seconds.
    assertThat(elapsed).isBetween(least.minusMillis(20), most.plusMillis(20));
  }
}
