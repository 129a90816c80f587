package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.Random;
import org.junit.jupiter.api.Test;

class Bf16Test {

  @Test
  void fromFloat_ofAll65536Values_givesThemBack() {
    for (int bits = 0; bits < 65536; bits++) {
      float value = Bf16.toFloat(bits);
      short back = Bf16.fromFloat(value);
      if (Float.isNaN(value)) {
        assertThat(Bf16.toFloat(back)).isNaN();
      } else {
        assertThat(back).isEqualTo((short) bits);
      }
    }
  }

  @Test
  void round_betweenNeighbours_takesTheNearestTiesToEven() {
    Random random = new Random(3);
    for (int i = 0; i < 100_000; i++) {
      float value = Float.intBitsToFloat(random.nextInt());
      if (!Float.isFinite(value) || Math.abs(value) > 3e38f) {
        continue;
      }
      float below = Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xffff_0000);
      float above = Float.intBitsToFloat((Float.floatToRawIntBits(value) & 0xffff_0000) + 0x1_0000);
      assertThat(Bf16.round(value)).isEqualTo(nearest(value, below, above));
    }
  }

  private static float nearest(float value, float a, float b) {
    BigDecimal exact = new BigDecimal(value);
    int order =
        exact.subtract(new BigDecimal(a)).abs().compareTo(exact.subtract(new BigDecimal(b)).abs());
    if (order == 0) {
      return (Float.floatToRawIntBits(a) & 0x1_0000) == 0 ? a : b;
    }
    return order < 0 ? a : b;
  }

  @Test
  void round_ofNanInfinityAndLargest_isDefined() {
    assertThat(Bf16.round(Float.intBitsToFloat(0x7f80_0001))).isNaN();
    assertThat(Bf16.round(Float.intBitsToFloat(0xffff_ffff))).isNaN();
    assertThat(Bf16.round(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(Bf16.round(Float.MAX_VALUE)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(Float.floatToRawIntBits(Bf16.round(-0f))).isEqualTo(0x8000_0000);
  }
}
