package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.testkit.Seeds;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Scalar = vector at every vector length, in JVMs of their own: the length is a constant of one.
 */
class VectorLengthPropertyTest {

  @ParameterizedTest
  @ValueSource(ints = {128, 256, 512})
  void kernels_ofThatVectorLength_sameBitsAsScalar(int bits) throws Exception {
    String seed = Long.toString(Seeds.seed());
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                // Vectors longer than the machine's are objects: slow, so compile little.
                "-XX:TieredStopAtLevel=1",
                "-D" + Lanes.BITS_PROPERTY + "=" + bits,
                "-cp",
                System.getProperty("java.class.path"),
                KernelParity.class.getName(),
                Integer.toString(bits),
                seed)
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as("seed %s: %s", seed, output).isZero();
  }

  @Test
  void bits_ofTheMachine_areTaken() {
    assertThat(List.of(128, 256, 512))
        .allSatisfy(bits -> assertThat(Lanes.bits(bits, OptionalInt.empty())).isEqualTo(bits));
  }

  @Test
  void bits_longerOrShorterThanTheLayouts_areClamped() {
    assertThat(Lanes.bits(1024, OptionalInt.empty())).isEqualTo(512);
    assertThat(Lanes.bits(64, OptionalInt.empty())).isEqualTo(128);
  }

  @Test
  void bits_unknownWish_isRefused() {
    assertThatThrownBy(() -> Lanes.bits(512, OptionalInt.of(384)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("384");
  }
}
