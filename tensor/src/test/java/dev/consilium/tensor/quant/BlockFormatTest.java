package dev.consilium.tensor.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class BlockFormatTest {
  private final Random random = new Random(23);

  private static float[] thereAndBack(BlockFormat format, float[] values) {
    MemorySegment block = MemorySegment.ofArray(new byte[format.bytes() + 3]);
    float[] back = new float[values.length];
    for (int i = 0; i < values.length; i += format.elements()) {
      format.quantise(values, i, block, 3);
      format.dequantise(block, 3, back, i);
    }
    return back;
  }

  /** Root mean square errors of normal numbers, against those of llama.cpp (commit 3f545bec). */
  @ParameterizedTest
  @CsvSource({
    "Q8_0,0.00536",
    "Q4_0,0.0860",
    "Q5_0,0.0427",
    "Q4_K,0.0713",
    "Q5_K,0.0361",
    "Q6_K,0.0177",
    "MXFP4,0.115"
  })
  void quantise_normalNumbers_errsAsTheReference(DType dtype, double reference) {
    float[] values = new float[256 * 400];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    float[] back = thereAndBack(dtype.format().orElseThrow(), values);
    double squares = 0;
    for (int i = 0; i < values.length; i++) {
      squares += Math.pow((double) values[i] - back[i], 2);
    }
    double error = Math.sqrt(squares / values.length);
    assertThat(error).isBetween(reference * 0.8, reference * 1.01);
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "BF16", "F16"})
  void quantise_zeros_areZeros(DType dtype) {
    float[] zeros = new float[256];
    for (float back : thereAndBack(dtype.format().orElseThrow(), zeros)) {
      assertThat(back).isZero(); // of either sign
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "BF16", "F16"})
  void quantise_anyMagnitude_staysFinite(DType dtype) {
    for (float magnitude : new float[] {Float.MIN_VALUE, 1e-38f, 1e-7f, 70000f, 1e20f, 3e38f}) {
      float[] values = new float[256];
      for (int i = 0; i < values.length; i++) {
        values[i] = magnitude * (random.nextFloat() * 2 - 1);
      }
      float[] back = thereAndBack(dtype.format().orElseThrow(), values);
      for (float value : back) {
        assertThat(value).isFinite();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"F32", "BF16", "F16"})
  void quantise_oneOfManyIsNotZero_keepsIt(DType dtype) {
    for (float value : new float[] {1f, -1f}) {
      float[] values = new float[256];
      values[37] = value;
      float[] back = thereAndBack(dtype.format().orElseThrow(), values);
      for (int i = 0; i < values.length; i++) {
        assertThat(back[i]).isCloseTo(values[i], within(0.01f));
      }
    }
  }

  @Test
  void quantise_allTheSame_keepsThem() {
    for (DType dtype : DType.values()) {
      if (dtype.quantised()) {
        float[] values = new float[256];
        Arrays.fill(values, 0.75f);
        for (float back : thereAndBack(dtype.format().orElseThrow(), values)) {
          assertThat(back).as(dtype.name()).isCloseTo(0.75f, within(0.03f));
        }
      }
    }
  }
}
