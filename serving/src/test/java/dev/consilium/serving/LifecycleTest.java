package dev.consilium.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LifecycleTest {

  @TempDir Path directory;

  @Test
  void announce_ports_isWholeJson() throws Exception {
    Path file = directory.resolve("ports.json");
    Lifecycle.announce(file, new TreeMap<>(Map.of("metrics", 2, "grpc", 1)));
    assertThat(file).hasContent("{\"grpc\":1,\"metrics\":2}");
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void announce_directoryMissing_namesKeyAndFile() {
    assertThatThrownBy(
            () -> Lifecycle.announce(directory.resolve("no/ports.json"), new TreeMap<>()))
        .hasMessageContaining("consilium.announce-file")
        .hasMessageContaining("no/ports.json");
  }

  @Test
  void line_messageWithLineBreak_staysOneLine() {
    LogRecord event = new LogRecord(Level.WARNING, "peer said\nINFO all is well");
    event.setLoggerName("dev.consilium.serving.Lifecycle");
    event.setInstant(Instant.parse("2026-01-31T12:00:00.123456Z"));
    assertThat(Logging.line(event))
        .isEqualTo(
            "2026-01-31T12:00:00.123Z WARNING serving.Lifecycle peer said\\nINFO all is well\n");
  }
}
