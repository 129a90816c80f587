package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LargeMemoryTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 4096, (2 << 20) - 1, 2 << 20, (5 << 20) + 7})
  void allocate_anySize_isZeroAlignedAndWritable(long bytes) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = LargeMemory.allocate(arena, bytes);
      assertThat(memory.byteSize()).isEqualTo(bytes);
      assertThat(memory.address() % 4096).isZero();
      assertThat(memory.mismatch(MemorySegment.ofArray(new byte[(int) bytes]))).isEqualTo(-1);
      memory.set(JAVA_BYTE, bytes - 1, (byte) 1);
      assertThat(memory.get(JAVA_BYTE, bytes - 1)).isEqualTo((byte) 1);
    }
  }

  @Test
  void allocate_arenaClosed_refusesUse() {
    Arena arena = Arena.ofShared();
    MemorySegment memory = LargeMemory.allocate(arena, 8 << 20);
    arena.close();
    assertThatThrownBy(() -> memory.get(JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
  }

  /** 64 GiB one after another: a leak would show in the size of the address space. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void allocate_andCloseOften_givesTheMemoryBack() throws IOException {
    long before = mappedKibibytes();
    for (int i = 0; i < 1000; i++) {
      try (Arena arena = Arena.ofShared()) {
        LargeMemory.allocate(arena, 64 << 20).set(JAVA_BYTE, 0, (byte) 1);
      }
    }
    assertThat(mappedKibibytes() - before).isLessThan(8 << 20);
  }

  private static long mappedKibibytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmSize:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }
}
