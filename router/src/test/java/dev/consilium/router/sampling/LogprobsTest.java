package dev.consilium.router.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class LogprobsTest {
  private static final float[] LOGITS = {
    (float) Math.log(0.1), (float) Math.log(0.4), (float) Math.log(0.4), (float) Math.log(0.1)
  };

  @Test
  void of_token_isLogarithmOfItsProbability() {
    assertThat((double) Logprobs.of(LOGITS, 3, 0).chosen()).isCloseTo(Math.log(0.1), within(1e-6));
  }

  @Test
  void of_logitsNotNormalised_subtractsTheSum() {
    float[] shifted = LOGITS.clone();
    for (int i = 0; i < shifted.length; i++) {
      shifted[i] += 1000;
    }
    // Half a unit in the last place of 1000 is 3e-5.
    assertThat((double) Logprobs.of(shifted, 1, 0).chosen()).isCloseTo(Math.log(0.4), within(1e-4));
  }

  @Test
  void of_topCount_bestFirstLowerIdAmongEquals() {
    Logprobs logprobs = Logprobs.of(LOGITS, 0, 3);
    assertThat(logprobs.top().stream().map(Logprobs.Entry::token)).containsExactly(1, 2, 0);
    assertThat((double) logprobs.top().getFirst().logprob()).isCloseTo(Math.log(0.4), within(1e-6));
  }

  @Test
  void of_countAboveVocabulary_listsAll() {
    assertThat(Logprobs.of(LOGITS, 0, 20).top()).hasSize(4);
  }

  @Test
  void of_count0_listsNone() {
    assertThat(Logprobs.of(LOGITS, 0, 0).top()).isEmpty();
  }

  @Test
  void of_minusInfinity_hasNoProbability() {
    float[] logits = {0, Float.NEGATIVE_INFINITY};
    assertThat(Logprobs.of(logits, 0, 2).chosen()).isZero();
    assertThat(Logprobs.of(logits, 1, 2).chosen()).isEqualTo(Float.NEGATIVE_INFINITY);
  }
}
