package dev.consilium.expertnode.execution;

import dev.consilium.tensor.Bf16;
import dev.consilium.tensor.F32Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** How an element travels; little-endian. */
public enum ElementType {
  /** IEEE 754 binary32. */
  F32(4) {
    @Override
    void read(MemorySegment dense, long at, F32Matrix into, int row) {
      MemorySegment.copy(
          dense,
          LITTLE_FLOAT,
          at,
          into.segment(),
          ValueLayout.JAVA_FLOAT,
          into.offset(row),
          into.columns());
    }

    @Override
    void write(F32Matrix from, int row, MemorySegment dense, long at) {
      MemorySegment.copy(
          from.segment(),
          ValueLayout.JAVA_FLOAT,
          from.offset(row),
          dense,
          LITTLE_FLOAT,
          at,
          from.columns());
    }
  },
  /** The upper half of a binary32. */
  BF16(2) {
    @Override
    void read(MemorySegment dense, long at, F32Matrix into, int row) {
      long to = into.offset(row);
      for (int column = 0; column < into.columns(); column++) {
        float value = Bf16.toFloat(dense.get(LITTLE_SHORT, at + 2L * column));
        into.segment().set(ValueLayout.JAVA_FLOAT, to + 4L * column, value);
      }
    }

    @Override
    void write(F32Matrix from, int row, MemorySegment dense, long at) {
      long source = from.offset(row);
      for (int column = 0; column < from.columns(); column++) {
        float value = from.segment().get(ValueLayout.JAVA_FLOAT, source + 4L * column);
        dense.set(LITTLE_SHORT, at + 2L * column, Bf16.fromFloat(value));
      }
    }
  };

  private static final ValueLayout.OfFloat LITTLE_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort LITTLE_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int bytes;

  ElementType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** Reads one row of dense elements that start at byte {@code at}. */
  abstract void read(MemorySegment dense, long at, F32Matrix into, int row);

  /** Writes one row as dense elements from byte {@code at}, rounding to nearest even. */
  abstract void write(F32Matrix from, int row, MemorySegment dense, long at);
}
