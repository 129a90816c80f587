package dev.consilium.model.chat.jinja;

import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Python's {@code [from:to:step]}.
 *
 * @param step not 0
 */
record SliceBounds(OptionalInt from, OptionalInt to, int step) {

  /** The indexes that the slice takes of something of this length, in its order. */
  IntStream indexes(int length) {
    int start =
        step > 0
            ? clamp(from, length, 0, 0, length)
            : clamp(from, length, length - 1, -1, length - 1);
    int end =
        step > 0 ? clamp(to, length, length, 0, length) : clamp(to, length, -1, -1, length - 1);
    long distance = step > 0 ? (long) end - start : (long) start - end;
    long stride = Math.abs((long) step);
    long count = distance <= 0 ? 0 : (distance + stride - 1) / stride;
    return IntStream.range(0, Math.toIntExact(count))
        .map(i -> Math.toIntExact(start + (long) i * step));
  }

  private static int clamp(OptionalInt bound, int length, int missing, int lowest, int highest) {
    if (bound.isEmpty()) {
      return missing;
    }
    long index = bound.getAsInt() < 0 ? (long) bound.getAsInt() + length : bound.getAsInt();
    return (int) Math.max(lowest, Math.min(highest, index));
  }
}
