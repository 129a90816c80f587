package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A constant vector {@code [length]} of f32, off-heap at a multiple of 64 bytes: a norm's weight, a
 * bias. Freed after its last reference is gone.
 */
public final class F32Vector {
  private final int length;
  private final MemorySegment segment;

  private F32Vector(float[] values) {
    length = values.length;
    MemorySegment memory =
        Arena.ofAuto().allocate((long) length * Float.BYTES, F32Matrix.ALIGNMENT);
    MemorySegment.copy(values, 0, memory, JAVA_FLOAT, 0, length);
    segment = memory.asReadOnly();
  }

  /** A copy of {@code values}. */
  public static F32Vector of(float... values) {
    return new F32Vector(values);
  }

  public int length() {
    return length;
  }

  /** The elements, read-only. */
  public MemorySegment segment() {
    return segment;
  }

  public float get(int index) {
    return segment.getAtIndex(JAVA_FLOAT, Objects.checkIndex(index, length));
  }
}
