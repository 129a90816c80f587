package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rows of one byte each: what is where, before and after. */
final class RowOrderTest {

  @Test
  void undo_interleavedHeads_bringsPairsIntoHalves() {
    assertThat(undone(RowOrder.interleaved(2), 0, 1, 2, 3, 10, 11, 12, 13))
        .containsExactly(0, 2, 1, 3, 10, 12, 11, 13);
  }

  @Test
  void undo_interleavedStartOfHeads_leavesTheirEnd() {
    assertThat(undone(RowOrder.interleaved(2, 4), 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15))
        .containsExactly(0, 2, 1, 3, 4, 5, 10, 12, 11, 13, 14, 15);
  }

  @Test
  void undo_interleavedEndOfHeads_leavesTheirStart() {
    assertThat(undone(RowOrder.interleavedEnds(2, 4), 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15))
        .containsExactly(0, 1, 2, 4, 3, 5, 10, 11, 12, 14, 13, 15);
  }

  @Test
  void apply_afterUndo_givesWhatWasStored() {
    RowOrder order = RowOrder.interleaved(3, 2);
    byte[] stored = bytes(9, 8, 7, 6, 5, 4, 3, 2, 1);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment ours = order.undo(MemorySegment.ofArray(stored), header(9), arena);
      assertThat(order.apply(ours, header(9), arena).toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(stored);
    }
  }

  @Test
  void undo_headsThatHoldNoPairs_isRefused() {
    assertThatThrownBy(() -> undone(RowOrder.interleaved(2), 1, 2, 3, 4, 5, 6))
        .hasMessageContaining("has 6 rows, which are not 2 heads with all rows in pairs");
    assertThatThrownBy(() -> undone(RowOrder.interleaved(2, 4), 1, 2, 3, 4, 5, 6))
        .hasMessageContaining("has 6 rows, which are not 2 heads with 4 rows in pairs");
  }

  private static byte[] undone(RowOrder order, int... rows) {
    try (Arena arena = Arena.ofConfined()) {
      return order
          .undo(MemorySegment.ofArray(bytes(rows)), header(rows.length), arena)
          .toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  private static TensorHeader header(int rows) {
    return new TensorHeader("q", "U8", List.of((long) rows), rows);
  }
}
