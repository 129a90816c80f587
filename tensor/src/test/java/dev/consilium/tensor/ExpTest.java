package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class ExpTest {

  @Test
  void exp_overTheWholeRange_isWithinOneUlp() {
    double worst = 0;
    for (float x = Exp.LOWEST; x <= Exp.HIGHEST; x += 0.000_731f) {
      double exact = Math.exp(x);
      worst = Math.max(worst, Math.abs(Exp.exp(x) - exact) / Math.ulp((float) exact));
    }
    assertThat(worst).isLessThan(1.0);
  }

  @Test
  void exp_nearZero_isWithinOneUlp() {
    for (float x = 1e-30f; x < 1; x *= 1.01f) {
      assertThat((double) Exp.exp(x)).isCloseTo(Math.exp(x), within(x));
      assertThat((double) Exp.exp(-x)).isCloseTo(Math.exp(-x), within(-x));
    }
  }

  private static Offset<Double> within(float x) {
    return Offset.offset((double) Math.ulp((float) Math.exp(x)));
  }

  @Test
  void exp_atTheEnds_isDefined() {
    assertThat(Exp.exp(0f)).isEqualTo(1f);
    assertThat(Exp.exp(-0f)).isEqualTo(1f);
    assertThat(Exp.exp(Exp.LOWEST)).isGreaterThanOrEqualTo(Float.MIN_NORMAL);
    assertThat(Float.floatToRawIntBits(Exp.exp(Math.nextDown(Exp.LOWEST)))).isZero();
    assertThat(Exp.exp(Exp.HIGHEST)).isFinite().isGreaterThan(3.4e38f);
    assertThat(Exp.exp(Math.nextUp(Exp.HIGHEST))).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(Exp.exp(Float.NEGATIVE_INFINITY)).isZero();
    assertThat(Exp.exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(Exp.exp(Float.intBitsToFloat(0xffff_ffff))).isNaN();
  }

  @Test
  void siluAndSigmoid_farOut_stayDefined() {
    assertThat(Exp.silu(-200f)).isZero();
    assertThat(Exp.silu(200f)).isEqualTo(200f);
    assertThat(Exp.silu(Float.NaN)).isNaN();
    assertThat(Exp.sigmoid(-200f)).isZero();
    assertThat(Exp.sigmoid(0f)).isEqualTo(0.5f);
    assertThat(Exp.sigmoid(200f)).isEqualTo(1f);
  }
}
