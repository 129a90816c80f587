package dev.consilium.tensor;

import java.nio.ByteOrder;
import java.util.OptionalInt;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector length of this JVM. Constants, because the compiler turns vector operations into
 * instructions only when it knows the species.
 */
final class Lanes {
  /** System property: vector bits to use instead of the machine's own; for tests and measuring. */
  static final String BITS_PROPERTY = "consilium.tensor.vector-bits";

  static final int BITS =
      bits(FloatVector.SPECIES_PREFERRED.vectorBitSize(), property(BITS_PROPERTY));
  static final VectorSpecies<Float> FLOATS =
      switch (BITS) {
        case 512 -> FloatVector.SPECIES_512;
        case 256 -> FloatVector.SPECIES_256;
        default -> FloatVector.SPECIES_128;
      };

  /** As many bytes as floats; for the shortest vectors twice as many, for none is shorter. */
  static final VectorSpecies<Byte> QUARTER_BYTES =
      BITS == 512 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

  /** As many shorts as floats. */
  static final VectorSpecies<Short> HALF_SHORTS =
      switch (BITS) {
        case 512 -> ShortVector.SPECIES_256;
        case 256 -> ShortVector.SPECIES_128;
        default -> ShortVector.SPECIES_64;
      };

  static final VectorSpecies<Short> SHORTS =
      switch (BITS) {
        case 512 -> ShortVector.SPECIES_512;
        case 256 -> ShortVector.SPECIES_256;
        default -> ShortVector.SPECIES_128;
      };
  static final VectorSpecies<Integer> INTS =
      switch (BITS) {
        case 512 -> IntVector.SPECIES_512;
        case 256 -> IntVector.SPECIES_256;
        default -> IntVector.SPECIES_128;
      };

  static final VectorSpecies<Long> LONGS =
      switch (BITS) {
        case 512 -> LongVector.SPECIES_512;
        case 256 -> LongVector.SPECIES_256;
        default -> LongVector.SPECIES_128;
      };
  static final VectorSpecies<Double> DOUBLES =
      switch (BITS) {
        case 512 -> DoubleVector.SPECIES_512;
        case 256 -> DoubleVector.SPECIES_256;
        default -> DoubleVector.SPECIES_128;
      };

  /** Floats of a vector: 4, 8 or 16. */
  static final int COUNT = BITS / Float.SIZE;

  /** Bytes of a vector; long, for it is used in offsets. */
  static final long BYTES = BITS / Byte.SIZE;

  static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private Lanes() {}

  /**
   * The length to use: what was asked for, or else the machine's own, in the range that the layouts
   * are made for.
   */
  static int bits(int preferred, OptionalInt wanted) {
    int bits = wanted.orElse(Math.clamp(preferred, 128, 512));
    if (bits != 128 && bits != 256 && bits != 512) {
      throw new IllegalArgumentException(
          BITS_PROPERTY + " is " + bits + "; expected 128, 256 or 512");
    }
    return bits;
  }

  private static OptionalInt property(String name) {
    Integer value = Integer.getInteger(name);
    return value == null ? OptionalInt.empty() : OptionalInt.of(value);
  }
}
