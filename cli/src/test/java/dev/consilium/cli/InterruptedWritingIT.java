package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C while a file is written leaves nothing of it. */
class InterruptedWritingIT {

  @TempDir private Path directory;

  @Test
  @Timeout(CommandLineProcess.LIMIT_SECONDS)
  void synth_stoppedInTheMiddle_leavesNoFile() throws Exception {
    Path out = directory.resolve("model.gguf");
    try (CommandLineProcess synth =
        CommandLineProcess.start("synth", out.toString(), "--size", "small")) {
      while (files() == 0) {
        assertThat(synth.handle().isAlive()).isTrue();
        Thread.onSpinWait();
      }
      synth.stop();
    }
    assertThat(files()).isZero();
  }

  private long files() throws IOException {
    try (Stream<Path> all = Files.list(directory)) {
      return all.count();
    }
  }
}
