package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgressBarTest {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  @Test
  void show_noTerminal_writesALineForEachTenth() {
    try (ProgressBar bar = new ProgressBar("quantize", out, false)) {
      for (long done = 0; done <= 1000; done++) {
        bar.show(done << 10, 1000 << 10);
      }
    }
    List<String> lines = text().lines().toList();
    assertThat(lines).hasSize(11).contains("quantize  50 %  500 KiB of 1000 KiB");
    assertThat(lines.getFirst()).isEqualTo("quantize   0 %  0 bytes of 1000 KiB");
    assertThat(lines.getLast()).isEqualTo("quantize 100 %  1000 KiB of 1000 KiB");
  }

  @Test
  void show_terminal_writesOverOneLineAndClearsIt() {
    try (ProgressBar bar = new ProgressBar("synth", out, true)) {
      bar.show(1, 2);
      bar.show(1, 2);
    }
    String half = "█".repeat(15) + "░".repeat(15);
    assertThat(text())
        .isEqualTo("\r\u001b[K" + half + " synth  50 %  1 bytes of 2 bytes\r\u001b[K");
  }

  @Test
  void show_nothingToDo_isDone() {
    try (ProgressBar bar = new ProgressBar("synth", out, false)) {
      bar.show(0, 0);
    }
    assertThat(text()).startsWith("synth 100 %");
  }

  private String text() {
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
