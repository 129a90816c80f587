package dev.consilium.router.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.router.sampling.SamplingParameters.Penalties;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
  private static final float MINUS = Float.NEGATIVE_INFINITY;

  @Test
  void sample_greedyTie_picksLowestId() {
    assertThat(sample(SamplingParameters.GREEDY, 1, 5, 5, 2)).isEqualTo(1);
  }

  @Test
  void sample_greedyWithMinusInfinity_ignoresIt() {
    assertThat(sample(SamplingParameters.GREEDY, MINUS, -3, MINUS)).isEqualTo(1);
  }

  @Test
  void sample_bias_isAddedAfterPenalties() {
    // Divided by 2 first, 4 becomes 2 and then 3; the other way round it would become 2.5.
    SamplingParameters parameters =
        new SamplingParameters(0, 0, 1, 0, new Penalties(2, 0, 0), Map.of(0, 1f), 0);
    float[] logits = {4, 2.9f};
    assertThat(Sampler.sample(logits, parameters, new TokenHistory(new int[] {0}), 0)).isZero();
    assertThat(logits[0]).isEqualTo(3f);
  }

  @Test
  void sample_biasOfMinus100_bansGreedyToken() {
    SamplingParameters parameters =
        new SamplingParameters(0, 0, 1, 0, Penalties.NONE, Map.of(1, -100f), 0);
    assertThat(sample(parameters, 1, 5, 2)).isEqualTo(2);
  }

  @Test
  void sample_topK1_isGreedyForEverySeed() {
    for (long seed = 0; seed < 100; seed++) {
      assertThat(sample(random(1, 1, 1, 0, seed), 1, 3, 3, 2)).isEqualTo(1);
    }
  }

  @Test
  void sample_topK_drawsOnlyTheBest() {
    assertThat(drawn(1, 2, 1, 0, 0, 0.1f, 0.2f, 0.3f)).containsExactlyInAnyOrder(2, 3);
  }

  @Test
  void sample_topKTie_keepsLowerId() {
    assertThat(drawn(1, 2, 1, 0, 1, 1, 1)).containsExactlyInAnyOrder(0, 1);
  }

  @Test
  void sample_topP_drawsSmallestSetThatReachesIt() {
    float[] logits = logarithms(0.1, 0.5, 0.15, 0.25);
    assertThat(drawn(1, 0, 0.45f, 0, logits)).containsExactly(1);
    assertThat(drawn(1, 0, 0.74f, 0, logits)).containsExactlyInAnyOrder(1, 3);
    assertThat(drawn(1, 0, 0.8f, 0, logits)).containsExactlyInAnyOrder(1, 3, 2);
  }

  @Test
  void sample_topKThenTopP_shareIsOfWhatIsLeft() {
    // Of 0.5 and 0.25 the first has two thirds, so it alone reaches 0.6.
    assertThat(drawn(1, 2, 0.6f, 0, logarithms(0.1, 0.5, 0.15, 0.25))).containsExactly(1);
  }

  @Test
  void sample_minP_dropsBelowShareOfTheBest() {
    assertThat(drawn(1, 0, 1, 0.4f, logarithms(0.1, 0.5, 0.15, 0.25)))
        .containsExactlyInAnyOrder(1, 3);
  }

  @Test
  void sample_minPOf1_keepsTheBestAndItsEquals() {
    assertThat(drawn(1, 0, 1, 1, 2, 3, 3, 1)).containsExactlyInAnyOrder(1, 2);
  }

  @Test
  void sample_temperatureNear0_isGreedy() {
    assertThat(drawn(1e-6f, 0, 1, 0, 1, 1.1f, 1.05f)).containsExactly(1);
    assertThat(drawn(Float.MIN_VALUE, 0, 1, 0, 1, 1.1f, 1.05f)).containsExactly(1);
  }

  @Test
  void sample_highTemperature_reachesEveryToken() {
    assertThat(drawn(100, 0, 1, 0, 5, 0, -5, 3)).containsExactlyInAnyOrder(0, 1, 2, 3);
  }

  @Test
  void sample_minusInfinity_isNeverDrawn() {
    assertThat(drawn(100, 0, 1, 0, MINUS, 1, MINUS, 1)).containsExactlyInAnyOrder(1, 3);
    assertThat(drawn(100, 4, 1, 0, MINUS, 1, MINUS, 1)).containsExactlyInAnyOrder(1, 3);
  }

  @Test
  void sample_allTokensPenalisedToNearZero_staysFinite() {
    SamplingParameters parameters =
        new SamplingParameters(0, 0, 1, 0, new Penalties(Float.MIN_VALUE * 2, 0, 0), Map.of(), 0);
    float[] logits = {1, 2, -1};
    assertThat(Sampler.sample(logits, parameters, new TokenHistory(new int[] {1}), 0)).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
  void sample_brokenLogit_isRefused(float broken) {
    for (SamplingParameters parameters :
        new SamplingParameters[] {SamplingParameters.GREEDY, random(1, 0, 0.9f, 0, 1)}) {
      assertThatThrownBy(() -> sample(parameters, 1, broken, 2))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageContaining("overflowed");
    }
  }

  @Test
  void sample_nothingFinite_isRefused() {
    assertThatThrownBy(() -> sample(SamplingParameters.GREEDY, MINUS, MINUS))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageContaining("-Infinity");
  }

  @Test
  void sample_sameSeedAndIndex_sameToken() {
    float[] logits = new float[1000];
    Set<Integer> different = new HashSet<>();
    for (int index = 0; index < 50; index++) {
      int first = sampleAt(random(1, 0, 1, 0, 42), index, logits);
      assertThat(sampleAt(random(1, 0, 1, 0, 42), index, logits)).isEqualTo(first);
      different.add(first);
    }
    assertThat(different).hasSizeGreaterThan(40);
    assertThat(sampleAt(random(1, 0, 1, 0, 43), 0, logits))
        .isNotEqualTo(sampleAt(random(1, 0, 1, 0, 42), 0, logits));
  }

  private static int sampleAt(SamplingParameters parameters, int index, float[] logits) {
    return Sampler.sample(logits.clone(), parameters, new TokenHistory(new int[0]), index);
  }

  private static int sample(SamplingParameters parameters, float... logits) {
    return Sampler.sample(logits, parameters, new TokenHistory(new int[0]), 0);
  }

  private static Set<Integer> drawn(
      float temperature, int topK, float topP, float minP, float... logits) {
    Set<Integer> drawn = new HashSet<>();
    for (int seed = 0; seed < 500; seed++) {
      drawn.add(sample(random(temperature, topK, topP, minP, seed), logits.clone()));
    }
    return drawn;
  }

  private static SamplingParameters random(
      float temperature, int topK, float topP, float minP, long seed) {
    return new SamplingParameters(temperature, topK, topP, minP, Penalties.NONE, Map.of(), seed);
  }

  private static float[] logarithms(double... probabilities) {
    float[] logits = new float[probabilities.length];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = (float) Math.log(probabilities[i]);
    }
    return logits;
  }
}
