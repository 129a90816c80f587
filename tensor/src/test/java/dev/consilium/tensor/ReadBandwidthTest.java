package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class ReadBandwidthTest {

  @Test
  void sumOfPiece_numbersFromSomewhereOn_areAllRead() {
    try (Arena arena = Arena.ofConfined()) {
      int longs = ReadBandwidth.PIECE_BYTES / Long.BYTES;
      MemorySegment memory = arena.allocate(2L * ReadBandwidth.PIECE_BYTES, Long.BYTES);
      long expected = 0;
      for (int i = 0; i < 2 * longs; i++) {
        memory.setAtIndex(ValueLayout.JAVA_LONG, i, 31L * i * i);
        expected += i >= 5 && i < 5 + longs ? 31L * i * i : 0;
      }
      assertThat(ReadBandwidth.sumOfPiece(memory, 5 * Long.BYTES)).isEqualTo(expected);
      assertThat(ReadBandwidth.scalarSum(memory, 5 * Long.BYTES)).isEqualTo(expected);
    }
  }

  @Test
  void measure_bytesThatAreNoWholePieces_readsAndIsPositive() {
    try (ThreadTeam team = new ThreadTeam("read", 2)) {
      assertThat(ReadBandwidth.measure(team, 3 * ReadBandwidth.PIECE_BYTES + 1)).isPositive();
    }
  }
}
