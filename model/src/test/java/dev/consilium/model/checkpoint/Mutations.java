package dev.consilium.model.checkpoint;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;

/** Small damage to bytes, of the kinds that break parsers. */
final class Mutations {

  private static final byte[] TELLING =
      "0123456789-.eE\"\\{}[]:,\0 ntu\u00ff".getBytes(StandardCharsets.ISO_8859_1);

  private Mutations() {}

  /** A copy with one to three pieces of damage. */
  static byte[] mutate(byte[] good, Random random) {
    byte[] bytes = good.clone();
    for (int i = random.nextInt(3); i >= 0; i--) {
      bytes = once(bytes, random);
    }
    return bytes;
  }

  private static byte[] once(byte[] bytes, Random random) {
    if (bytes.length == 0) {
      return bytes;
    }
    int at = random.nextInt(bytes.length);
    return switch (random.nextInt(6)) {
      case 0 -> with(bytes, at, (byte) (bytes[at] ^ 1 << random.nextInt(8)));
      case 1 -> with(bytes, at, TELLING[random.nextInt(TELLING.length)]);
      case 2 -> Arrays.copyOf(bytes, at);
      case 3 -> join(bytes, at, at, new byte[] {TELLING[random.nextInt(TELLING.length)]});
      case 4 -> join(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(8)), new byte[0]);
      default -> {
        int end = Math.min(bytes.length, at + 1 + random.nextInt(64));
        yield join(bytes, end, end, Arrays.copyOfRange(bytes, at, end));
      }
    };
  }

  private static byte[] with(byte[] bytes, int at, byte value) {
    byte[] changed = bytes.clone();
    changed[at] = value;
    return changed;
  }

  /** Everything before {@code from}, then {@code middle}, then everything from {@code to}. */
  private static byte[] join(byte[] bytes, int from, int to, byte[] middle) {
    byte[] joined = new byte[from + middle.length + bytes.length - to];
    System.arraycopy(bytes, 0, joined, 0, from);
    System.arraycopy(middle, 0, joined, from, middle.length);
    System.arraycopy(bytes, to, joined, from + middle.length, bytes.length - to);
    return joined;
  }
}
