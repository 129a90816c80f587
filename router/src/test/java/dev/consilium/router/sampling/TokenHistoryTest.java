package dev.consilium.router.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.router.sampling.SamplingParameters.Penalties;
import org.junit.jupiter.api.Test;

class TokenHistoryTest {
  private final TokenHistory history = new TokenHistory(new int[] {0, 0, 1});

  @Test
  void penalise_repetition_onceForPromptAndOutputTokens() {
    history.add(2);
    history.add(2);
    assertThat(penalised(new Penalties(2, 0, 0), 4, -4, 8, 3)).containsExactly(2, -8, 4, 3);
  }

  @Test
  void penalise_presence_onceForOutputTokensOnly() {
    history.add(2);
    history.add(2);
    assertThat(penalised(new Penalties(1, 0.5f, 0), 4, 4, 4, 4)).containsExactly(4, 4, 3.5f, 4);
  }

  @Test
  void penalise_frequency_perOccurrenceInTheOutput() {
    history.add(2);
    history.add(2);
    history.add(1);
    assertThat(penalised(new Penalties(1, 0, 0.5f), 4, 4, 4, 4)).containsExactly(4, 3.5f, 3, 4);
  }

  @Test
  void penalise_all_repetitionBeforeTheOthers() {
    history.add(2);
    assertThat(penalised(new Penalties(2, 0.5f, 0.25f), 1, 1, 4, 1)[2]).isEqualTo(1.25f);
  }

  @Test
  void penalise_negativePenalties_makeTokensLikelier() {
    history.add(2);
    assertThat(penalised(new Penalties(1, -1, -1), 0, 0, 0, 0)).containsExactly(0, 0, 2, 0);
  }

  @Test
  void penalise_brokenLogit_staysBroken() {
    assertThat(penalised(new Penalties(2, 0, 0), Float.POSITIVE_INFINITY, Float.NaN, 1, 1))
        .startsWith(Float.POSITIVE_INFINITY, Float.NaN);
  }

  @Test
  void penalise_tinyRepetition_staysFinite() {
    assertThat(penalised(new Penalties(1e-40f, 0, 0), 3, -3, 1, 1))
        .containsExactly(Float.MAX_VALUE, -3 * 1e-40f, 1, 1);
  }

  private float[] penalised(Penalties penalties, float... logits) {
    history.penalise(logits, penalties);
    return logits;
  }
}
