package dev.consilium.model.expert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * A process maps of a checkpoint what it is reading, and nothing else; the kernel's own list says
 * so.
 */
@EnabledOnOs(value = OS.LINUX, disabledReason = "reads /proc/self/maps")
final class MappedMemoryTest {

  private static final long PAGE = 4096;
  private static final Path MODEL = Fixtures.demoModel();

  @Test
  void openAndLoad_someExperts_leavesNothingMapped() throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(MODEL);
        ExpertBank bank = new ExpertBank(checkpoint)) {
      assertThat(checkpoint.fingerprint()).isNotEmpty();
      assertThat(mappedBytes()).isZero();
      bank.load(List.of(new ExpertId(2, 3)));
      assertThat(bank.held()).hasSize(1);
      assertThat(mappedBytes()).isZero();
    }
  }

  @Test
  void withBytes_oneTensor_mapsItsPagesOnly() throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(MODEL)) {
      var tensor = checkpoint.tensor(checkpoint.spec().names().feedForward(1).expert(2).down());
      long bytes = tensor.header().byteSize();
      long mapped = tensor.<Long>withBytes(_ -> safeMappedBytes());
      assertThat(mapped).isBetween(bytes, bytes + 2 * PAGE);
      assertThat(Files.size(MODEL.resolve("model.safetensors"))).isGreaterThan(10 * mapped);
      assertThat(mappedBytes()).isZero();
    }
  }

  private static long safeMappedBytes() {
    try {
      return mappedBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Bytes of address space that lie over the model's weights. */
  private static long mappedBytes() throws IOException {
    String file = MODEL.resolve("model.safetensors").toRealPath().toString();
    long bytes = 0;
    for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
      if (line.endsWith(file)) {
        String[] range = line.substring(0, line.indexOf(' ')).split("-", 2);
        bytes += Long.parseLong(range[1], 16) - Long.parseLong(range[0], 16);
      }
    }
    return bytes;
  }
}
