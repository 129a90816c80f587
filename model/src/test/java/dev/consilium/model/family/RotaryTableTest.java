package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class RotaryTableTest {

  @Test
  void cosSin_thetaTenThousand_hasTheKnownValues() {
    RotaryTable table = RotaryTable.of(new RotarySpec(4, 1e4, new NoScaling()));
    assertThat(table.rotaryDim()).isEqualTo(4);
    assertThat(table.inverseFrequency(0)).isEqualTo(1f);
    assertThat(table.inverseFrequency(1)).isEqualTo(0.01f);
    assertThat(table.attentionFactor()).isEqualTo(1f);
    float[] values = new float[4];
    table.cosSin(0, values);
    assertThat(values).containsExactly(1f, 1f, 0f, 0f);
    table.cosSin(1, values);
    assertThat(values).containsExactly(0.5403023f, 0.99995f, 0.84147096f, 0.009999833f);
    table.cosSin(3, values);
    assertThat(values).containsExactly(-0.9899925f, 0.99955004f, 0.14112f, 0.0299955f);
  }

  @Test
  void inverseFrequency_anySpec_isWithinFloatRoundingOfTheFormula() {
    Random random = new Random(11);
    for (int i = 0; i < 200; i++) {
      int dim = 2 * (1 + random.nextInt(128));
      double theta = Math.rint(Math.pow(10, 2 + 5 * random.nextDouble()));
      RotaryTable table = RotaryTable.of(new RotarySpec(dim, theta, new NoScaling()));
      for (int pair = 0; pair < dim / 2; pair++) {
        double wanted = Math.pow(theta, -2.0 * pair / dim);
        // The exponent is rounded to float32: up to 6e-8 of it, times ln(theta) < 17.
        assertThat((double) table.inverseFrequency(pair))
            .as("dim %d, theta %s, pair %d", dim, theta, pair)
            .isCloseTo(wanted, within(wanted * 1.2e-6));
      }
    }
  }

  @Test
  void inverseFrequency_yarn_isWithinFloatRoundingOfTheFormula() {
    Random random = new Random(12);
    for (int i = 0; i < 200; i++) {
      int dim = 2 * (4 + random.nextInt(60));
      double theta = Math.rint(Math.pow(10, 3 + 4 * random.nextDouble()));
      int context = 1 << (8 + random.nextInt(8));
      double factor = 1 + 40 * random.nextDouble();
      boolean truncate = random.nextBoolean();
      RotaryTable table =
          RotaryTable.of(
              new RotarySpec(dim, theta, new YarnScaling(factor, context, 32, 1, truncate, 1)));
      double low = bound(dim, theta, context, 32);
      double high = bound(dim, theta, context, 1);
      low = Math.max(truncate ? Math.floor(low) : low, 0);
      high = Math.min(truncate ? Math.ceil(high) : high, dim - 1);
      for (int pair = 0; pair < dim / 2; pair++) {
        double frequency = Math.pow(theta, -2.0 * pair / dim);
        double blend = Math.clamp((pair - low) / (high - low), 0.0, 1.0);
        double wanted = frequency * (1 - blend) + frequency / factor * blend;
        assertThat((double) table.inverseFrequency(pair))
            .as(
                "dim %d, theta %s, context %d, factor %s, pair %d",
                dim, theta, context, factor, pair)
            .isCloseTo(wanted, within(frequency * 2e-6));
      }
    }
  }

  /**
   * Computed with NumPy 2.4.6 in float32, operation by operation as the reference does, with the
   * one power correctly rounded.
   */
  @Test
  void inverseFrequency_yarnOfKnownModels_equalsTheReference() {
    // Qwen3 with its documented stretch.
    assertFrequencies(
        new RotarySpec(128, 1e6, new YarnScaling(4, 32768, 32, 1, true, 1)),
        32,
        0.00060294115f,
        0.00045032357f,
        0.00033424055f,
        0.0002462584f);
    // gpt-oss: bounds not rounded.
    assertFrequencies(
        new RotarySpec(64, 150000, new YarnScaling(32, 4096, 32, 1, false, 1)),
        16,
        0.00045648392f,
        0.0001293187f,
        3.830881e-05f,
        2.6396468e-05f);
    // A context so short that both bounds are 0: the ramp is one step.
    assertFrequencies(
        new RotarySpec(8, 10000, new YarnScaling(2, 6, 32, 1, true, 1)),
        0,
        1f,
        0.05f,
        0.005f,
        0.0005f);
  }

  @Test
  void cosSin_farPosition_comesFromTheRoundedAngle() {
    RotaryTable table = RotaryTable.of(new RotarySpec(64, 1e6, new NoScaling()));
    float[] values = new float[64];
    table.cosSin(131_071, values);
    for (int pair = 0; pair < 32; pair++) {
      float angle = 131_071f * table.inverseFrequency(pair);
      assertThat(values[pair]).isEqualTo((float) StrictMath.cos(angle));
      assertThat(values[32 + pair]).isEqualTo((float) StrictMath.sin(angle));
    }
  }

  @Test
  void cosSin_attentionFactor_multipliesBoth() {
    RotaryTable table =
        RotaryTable.of(new RotarySpec(2, 1e4, new YarnScaling(4, 4096, 32, 1, true, 1.5)));
    float[] values = new float[2];
    table.cosSin(0, values);
    assertThat(table.attentionFactor()).isEqualTo(1.5f);
    assertThat(values).containsExactly(1.5f, 0f);
    table.cosSin(1, values);
    float angle = table.inverseFrequency(0);
    assertThat(values[0]).isEqualTo((float) StrictMath.cos(angle) * 1.5f);
    assertThat(values[1]).isEqualTo((float) StrictMath.sin(angle) * 1.5f);
  }

  @Test
  void cosSin_intoMemory_writesTheSame() {
    RotaryTable table = RotaryTable.of(new RotarySpec(6, 1e4, new NoScaling()));
    float[] wanted = new float[6];
    table.cosSin(77, wanted);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(64);
      table.cosSin(77, memory, 12);
      assertThat(memory.asSlice(12, 24).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED))
          .isEqualTo(wanted);
      assertThat(memory.get(ValueLayout.JAVA_FLOAT, 8)).isZero();
      assertThat(memory.get(ValueLayout.JAVA_FLOAT, 36)).isZero();
    }
  }

  @Test
  void inverseFrequency_linear_isDividedByTheFactor() {
    RotaryTable plain = RotaryTable.of(new RotarySpec(64, 1e5, new NoScaling()));
    RotaryTable scaled = RotaryTable.of(new RotarySpec(64, 1e5, new LinearScaling(6)));
    for (int pair = 0; pair < 32; pair++) {
      assertThat(scaled.inverseFrequency(pair)).isEqualTo(plain.inverseFrequency(pair) / 6f);
    }
    assertThat(scaled.attentionFactor()).isEqualTo(1f);
  }

  @Test
  void inverseFrequency_llama_isWithinFloatRoundingOfTheFormula() {
    Random random = new Random(13);
    for (int i = 0; i < 200; i++) {
      int dim = 2 * (4 + random.nextInt(60));
      double theta = Math.rint(Math.pow(10, 3 + 4 * random.nextDouble()));
      int context = 1 << (8 + random.nextInt(8));
      double factor = 1 + 40 * random.nextDouble();
      double low = 0.5 + random.nextDouble();
      double high = low + 1 + 5 * random.nextDouble();
      RotaryTable table =
          RotaryTable.of(new RotarySpec(dim, theta, new LlamaScaling(factor, low, high, context)));
      for (int pair = 0; pair < dim / 2; pair++) {
        double frequency = Math.pow(theta, -2.0 * pair / dim);
        double turns = context * frequency / (2 * Math.PI);
        double keep = Math.clamp((turns - low) / (high - low), 0.0, 1.0);
        double wanted = frequency / factor * (1 - keep) + frequency * keep;
        assertThat((double) table.inverseFrequency(pair))
            .as("dim %d, theta %s, pair %d", dim, theta, pair)
            .isCloseTo(wanted, within(frequency * 2e-5));
      }
    }
  }

  /**
   * Computed with NumPy 2.4.6 as those of {@link
   * #inverseFrequency_yarnOfKnownModels_equalsTheReference}.
   */
  @Test
  void inverseFrequency_llamaOfKnownModels_equalsTheReference() {
    assertFrequencies(
        new RotarySpec(128, 5e5, new LlamaScaling(8, 1, 4, 8192)),
        28,
        0.003211446f,
        0.0021665706f,
        0.0013718937f,
        0.00085675146f,
        0.000524846f,
        0.00031269365f,
        0.00017850779f,
        9.556212e-05f);
    // Llama 4 Scout: both bounds the same, so nothing is blended.
    assertFrequencies(
        new RotarySpec(128, 5e5, new LlamaScaling(16, 1, 1, 8192)),
        33,
        0.0011520426f,
        0.00093847385f,
        4.778106e-05f,
        3.8923277e-05f);
  }

  @Test
  void longRope_shortAndLongSequences_haveFactorsAndMagnitudesOfTheirOwn() {
    RotarySpec spec =
        new RotarySpec(
            4, 1e4, new LongRopeScaling(List.of(1.0, 2.0), List.of(4.0, 8.0), 128, 1.25, 1.5));
    RotaryTable plain = RotaryTable.of(new RotarySpec(4, 1e4, new NoScaling()));
    RotaryTable ofShort = RotaryTable.of(spec, 128);
    RotaryTable ofLong = RotaryTable.of(spec, 129);
    assertThat(spec.shortTokens()).isEqualTo(128);
    assertThat(ofShort.inverseFrequency(0)).isEqualTo(plain.inverseFrequency(0));
    assertThat(ofShort.inverseFrequency(1)).isEqualTo(plain.inverseFrequency(1) / 2);
    assertThat(ofShort.attentionFactor()).isEqualTo(1.25f);
    assertThat(ofLong.inverseFrequency(0)).isEqualTo(plain.inverseFrequency(0) / 4);
    assertThat(ofLong.inverseFrequency(1)).isEqualTo(plain.inverseFrequency(1) / 8);
    assertThat(ofLong.attentionFactor()).isEqualTo(1.5f);
  }

  @Test
  void spec_longRopeFactorsForOtherSizes_areRefused() {
    assertThatThrownBy(() ->
            new RotarySpec(8, 1e4, new LongRopeScaling(List.of(1.0), List.of(1.0), 128, 1, 1)))
        .hasMessageContaining("1 longrope factors for 8 values to turn, want 4");
  }

  private static double bound(int dim, double theta, int context, double turns) {
    return dim * Math.log(context / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
  }

  private static void assertFrequencies(RotarySpec spec, int from, float... wanted) {
    RotaryTable table = RotaryTable.of(spec);
    for (int i = 0; i < wanted.length; i++) {
      assertThat(table.inverseFrequency(from + i)).isEqualTo(wanted[i]);
    }
  }
}
