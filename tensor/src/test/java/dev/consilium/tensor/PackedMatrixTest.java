package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PackedMatrixTest {
  private static final List<Kernels> KERNELS = List.of(Kernels.best(), Kernels.scalar());

  private final Random random = new Random(7);

  @ParameterizedTest
  @EnumSource
  void pack_anyShape_keepsEveryWeight(DType dtype) {
    for (int i = 1; i <= 130; i += 1 + random.nextInt(3)) {
      int columns = Samples.wholeBlocks(dtype, i);
      int rows = 1 + random.nextInt(200);
      MemorySegment weights = Samples.weights(random, dtype, rows, columns);
      for (Kernels kernels : KERNELS) {
        try (PackedMatrix packed = PackedMatrix.pack(kernels, dtype, columns, List.of(weights))) {
          assertSame(weights, packed);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void pack_severalParts_stacksThem(DType dtype) {
    int columns = Samples.wholeBlocks(dtype, 9);
    MemorySegment weights = Samples.weights(random, dtype, 100, columns);
    long rowBytes = dtype.rowBytes(columns);
    List<MemorySegment> parts =
        List.of(
            weights.asSlice(0, rowBytes),
            weights.asSlice(rowBytes, 0),
            weights.asSlice(rowBytes, 69 * rowBytes),
            weights.asSlice(70 * rowBytes));
    try (PackedMatrix packed = PackedMatrix.pack(dtype, columns, parts)) {
      assertSame(weights, packed);
    }
  }

  private static void assertSame(MemorySegment weights, PackedMatrix packed) {
    float[] row = new float[packed.columns()];
    for (int r = 0; r < packed.rows(); r++) {
      packed.unpackRow(r, row);
      for (int c = 0; c < row.length; c++) {
        float stored = Samples.weight(weights, packed.dtype(), (long) r * row.length + c);
        assertThat(Float.floatToRawIntBits(row[c]))
            .as("%s row %d column %d", packed.dtype(), r, c)
            .isEqualTo(Float.floatToRawIntBits(stored));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void pack_all65536Values_keepsFiniteAndRefusesOthers(DType dtype) {
    for (Kernels kernels : KERNELS) {
      packAll65536Values(kernels, dtype);
    }
  }

  private static void packAll65536Values(Kernels kernels, DType dtype) {
    MemorySegment weight = Arena.ofAuto().allocate(2);
    float[] row = new float[1];
    for (int bits = 0; bits < 65536; bits++) {
      weight.set(JAVA_SHORT_UNALIGNED, 0, (short) bits);
      float value = Samples.widen(dtype, (short) bits);
      if (Float.isFinite(value)) {
        try (PackedMatrix packed = PackedMatrix.pack(kernels, dtype, 1, List.of(weight))) {
          packed.unpackRow(0, row);
          assertThat(row[0]).isEqualTo(value);
        }
      } else {
        assertThatThrownBy(() -> PackedMatrix.pack(kernels, dtype, 1, List.of(weight)))
            .hasMessageContaining("row 0 column 0");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"0,0", "15,3", "16,4", "63,63", "64,64", "99,70"})
  void pack_oneNotFinite_namesRowAndColumn(int row, int column) {
    for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
      MemorySegment weights = Samples.weights(random, dtype, 100, 71);
      setNaN(weights, dtype, row * 71L + column);
      for (Kernels kernels : KERNELS) {
        assertThatThrownBy(() -> PackedMatrix.pack(kernels, dtype, 71, List.of(weights)))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("row " + row + " column " + column + " is NaN");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "Q8_0,0,0x7c00",
    "Q4_0,0,0xfc00",
    "Q5_0,0,0x7e01",
    "Q4_K,0,0x7c00",
    "Q4_K,2,0xfc00",
    "Q5_K,0,0x7c00",
    "Q5_K,2,0x7c01",
    "Q6_K,208,0x7c00",
    "MXFP4,0,0xfdfd",
    "MXFP4,0,0xffff"
  })
  void pack_scaleNotFinite_namesRowAndBlock(DType dtype, int scaleAt, String bits) {
    int columns = 3 * dtype.blockElements();
    MemorySegment weights = Samples.weights(random, dtype, 20, columns);
    long block = 17 * dtype.rowBytes(columns) + 2L * dtype.blockBytes();
    weights.set(JAVA_SHORT_UNALIGNED, block + scaleAt, Integer.decode(bits).shortValue());
    for (Kernels kernels : KERNELS) {
      assertThatThrownBy(() -> PackedMatrix.pack(kernels, dtype, columns, List.of(weights)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("row 17 block 2 ");
    }
  }

  @ParameterizedTest
  @EnumSource
  void pack_partOfABlock_isRefused(DType dtype) {
    int columns = dtype.blockElements() + 16;
    if (dtype.blockElements() > 1) {
      assertThatThrownBy(
              () -> PackedMatrix.pack(dtype, columns, List.of(Arena.ofAuto().allocate(1000))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("expected a multiple of " + dtype.blockElements());
    }
  }

  /** Repacking adds no more than the rows of the last panel, and to exponents what floats have. */
  @ParameterizedTest
  @EnumSource
  void byteSize_wholePanels_isThatOfTheFile(DType dtype) {
    long exponents = dtype == DType.F4_BLOCKS ? 64 * 1024 / 32 * 3 : 0;
    long stored = 64 * dtype.rowBytes(1024) + exponents;
    assertThat(PackedMatrix.byteSize(dtype, 64, 1024)).isEqualTo(stored);
    try (PackedMatrix packed = Samples.packed(random, dtype, 63, 1024)) {
      assertThat(packed.byteSize()).isEqualTo(stored);
    }
  }

  private static void setNaN(MemorySegment weights, DType dtype, long index) {
    switch (dtype) {
      case F32 -> weights.set(JAVA_FLOAT_UNALIGNED, index * 4, Float.NaN);
      case BF16 -> weights.set(JAVA_SHORT_UNALIGNED, index * 2, (short) 0x7f81);
      default -> weights.set(JAVA_SHORT_UNALIGNED, index * 2, (short) 0xfc01);
    }
  }

  @Test
  void pack_partOfARow_isRefused() {
    MemorySegment bytes = Arena.ofAuto().allocate(21);
    assertThatThrownBy(() -> PackedMatrix.pack(DType.BF16, 5, List.of(bytes)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("21 bytes");
  }

  @Test
  void pack_nothing_isRefused() {
    assertThatThrownBy(() -> PackedMatrix.pack(DType.F32, 5, List.of()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> PackedMatrix.pack(DType.F32, 0, List.of(MemorySegment.NULL)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void close_thenUse_failsCleanly() {
    PackedMatrix packed = Samples.packed(random, DType.BF16, 64, 8);
    packed.close();
    F32Matrix x = F32Matrix.allocate(1, 8);
    F32Matrix y = F32Matrix.allocate(1, 64);
    MatmulJob job = new MatmulJob(packed, x, new int[] {0}, y, 0);
    assertThatThrownBy(() -> Kernels.best().multiply(job, 0, 1, 0, 1))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void job_thatDoesNotFit_isRefused() {
    try (PackedMatrix w = Samples.packed(random, DType.F32, 10, 8)) {
      F32Matrix x = F32Matrix.allocate(2, 8);
      F32Matrix y = F32Matrix.allocate(2, 10);
      assertThatThrownBy(() -> new MatmulJob(w, F32Matrix.allocate(2, 9), new int[] {0}, y, 0))
          .hasMessageContaining("9 columns");
      assertThatThrownBy(() -> new MatmulJob(w, x, new int[] {0}, F32Matrix.allocate(2, 9), 0))
          .hasMessageContaining("9");
      assertThatThrownBy(() -> new MatmulJob(w, x, new int[] {2}, y, 0))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> new MatmulJob(w, x, new int[] {0, 1}, y, 1))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }
}
