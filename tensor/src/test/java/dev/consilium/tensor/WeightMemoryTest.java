package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WeightMemoryTest {

  @ParameterizedTest
  @ValueSource(longs = {1, 4096, 65535, 65536, 1 << 20, (3 << 20) + 1, 33 << 20})
  void allocate_anySize_isZeroAlignedAndWritable(long bytes) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = WeightMemory.allocate(arena, bytes);
      assertThat(memory.byteSize()).isEqualTo(bytes);
      assertThat(memory.address() % 4096).isZero();
      assertThat(memory.mismatch(MemorySegment.ofArray(new byte[(int) bytes]))).isEqualTo(-1);
      memory.set(JAVA_BYTE, bytes - 1, (byte) 1);
      assertThat(memory.get(JAVA_BYTE, bytes - 1)).isEqualTo((byte) 1);
    }
  }

  /**
   * Whatever was freed in between: nobody sees what another one wrote, and all is zero at first.
   */
  @Test
  void allocate_manyComeAndGo_neverOverlap() {
    Random random = new Random(1);
    List<Arena> arenas = new ArrayList<>();
    List<MemorySegment> memories = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      if (arenas.size() > 40 || (!arenas.isEmpty() && random.nextInt(3) == 0)) {
        int gone = random.nextInt(arenas.size());
        assertThat(filledWithOne(memories.remove(gone))).isTrue();
        arenas.remove(gone).close();
      }
      Arena arena = Arena.ofShared();
      MemorySegment memory = WeightMemory.allocate(arena, 100_000L * (1 + random.nextInt(2)));
      assertThat(memory.mismatch(MemorySegment.ofArray(new byte[(int) memory.byteSize()])))
          .isEqualTo(-1);
      memory.fill((byte) (1 + i % 100));
      arenas.add(arena);
      memories.add(memory);
    }
    memories.forEach(memory -> assertThat(filledWithOne(memory)).isTrue());
    arenas.forEach(Arena::close);
  }

  private static boolean filledWithOne(MemorySegment memory) {
    byte[] bytes = memory.toArray(JAVA_BYTE);
    for (byte b : bytes) {
      if (b != bytes[0] || b == 0) {
        return false;
      }
    }
    return true;
  }

  @Test
  void allocate_arenaClosed_refusesUse() {
    Arena arena = Arena.ofShared();
    MemorySegment memory = WeightMemory.allocate(arena, 1 << 20);
    arena.close();
    assertThatThrownBy(() -> memory.get(JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
  }
}
