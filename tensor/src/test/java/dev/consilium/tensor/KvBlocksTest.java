package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

final class KvBlocksTest {

  @Test
  void from_someBlocks_leavesThoseBehindThem() {
    MemorySegment pool = Arena.ofAuto().allocate(1024, 64);
    KvBlocks all = KvBlocks.of(pool, 64, 512, 192, 0);
    KvBlocks rest = all.from(2);
    assertThat(rest.count()).isEqualTo(2);
    assertThat(rest.offset(0)).isEqualTo(192);
    assertThat(rest.offset(1)).isZero();
    assertThatThrownBy(() -> rest.offset(2)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> all.from(4)).isInstanceOf(IndexOutOfBoundsException.class);
  }
}
