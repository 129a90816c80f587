package dev.consilium.model.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class PeriodTest {

  @Test
  void of_everyNth_isThatPeriod() {
    assertThat(Period.of(List.of(false, true, false, true))).contains(new Period(1, 2));
    assertThat(Period.of(List.of(true, true, true))).contains(new Period(0, 1));
  }

  @Test
  void of_oneOnly_isOneOfAll() {
    assertThat(Period.of(List.of(false, false, true))).contains(new Period(2, 3));
    assertThat(Period.of(List.of(true, false))).contains(new Period(0, 2));
    assertThat(Period.of(List.of(false, false, true, false, false))).contains(new Period(2, 5));
  }

  @Test
  void of_noRuleThatSaysTheSame_isEmpty() {
    assertThat(Period.of(List.of())).isEmpty();
    assertThat(Period.of(List.of(false, false))).isEmpty();
    assertThat(Period.of(List.of(false, true, true))).isEmpty();
    assertThat(Period.of(List.of(true, false, true, true))).isEmpty();
    assertThat(Period.of(List.of(false, false, true, true, false))).isEmpty();
  }
}
