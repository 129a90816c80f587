package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What native kernels are compared with Java by, before they are used. */
class NativeKernelsTest {

  static Stream<DType> quantised() {
    return Stream.of(DType.values()).filter(DType::quantised);
  }

  @ParameterizedTest
  @MethodSource("quantised")
  void sample_anyType_hasQuantsOfEitherSignAndAllHalvesOfBytes(DType dtype) {
    MemorySegment sample = NativeKernels.sample(new Random(1), dtype, 33, 256);
    int[] bytes = new int[Math.toIntExact(sample.byteSize())];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = sample.get(JAVA_BYTE, i);
    }
    assertThat(IntStream.of(bytes).filter(b -> b < 0).count()).isGreaterThan(bytes.length / 3);
    assertThat(IntStream.of(bytes).map(b -> b & 15).distinct().count()).isEqualTo(16);
  }

  @Test
  void agree_everyInstructionSetOfThisMachine_isTrue() {
    assumeTrue(KernelParity.nativeCount() > 0, "there is no compiler or no such machine");
    NativeLibrary library = NativeLibrary.load();
    for (NativeLibrary.Level level : library.levels()) {
      NativeKernels kernels = new NativeKernels(library, level, KernelChoice.JAVA);
      assertThat(kernels.agree()).as("%s", level).isTrue();
      assertThat(kernels.agreeOnAttention()).as("%s", level).isTrue();
      assertThat(kernels.agreeOnRows()).as("%s", level).isTrue();
    }
  }
}
