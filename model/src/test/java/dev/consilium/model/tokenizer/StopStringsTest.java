package dev.consilium.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class StopStringsTest {

  @Test
  void append_stopAcrossPieces_isHeldThenFound() {
    StopStrings stops = new StopStrings(List.of("<|end|>"));
    assertThat(stops.append("Hello <|")).isEqualTo("Hello ");
    assertThat(stops.append("en")).isEmpty();
    assertThat(stops.append("d|> more")).isEmpty();
    assertThat(stops.stopped()).isTrue();
    assertThat(stops.matched()).contains("<|end|>");
    assertThat(stops.append("ignored")).isEmpty();
    assertThat(stops.flush()).isEmpty();
  }

  @Test
  void append_beginningThatDoesNotGoOn_isReleased() {
    StopStrings stops = new StopStrings(List.of("aab"));
    assertThat(stops.append("aa")).isEmpty();
    assertThat(stops.append("a")).isEqualTo("a");
    assertThat(stops.append("c")).isEqualTo("aac");
    assertThat(stops.stopped()).isFalse();
  }

  @Test
  void flush_textHeld_isReleased() {
    StopStrings stops = new StopStrings(List.of("\n\n"));
    assertThat(stops.append("line\n")).isEqualTo("line");
    assertThat(stops.flush()).isEqualTo("\n");
    assertThat(stops.matched()).isEmpty();
  }

  @Test
  void append_twoStops_theOneCompleteFirstWins() {
    StopStrings stops = new StopStrings(List.of("abcd", "bc"));
    assertThat(stops.append("xabcd")).isEqualTo("xa");
    assertThat(stops.matched()).contains("bc");
  }

  @Test
  void append_twoStopsCompleteAtOnce_theLongerWins() {
    StopStrings stops = new StopStrings(List.of("c", "abc", "bc"));
    assertThat(stops.append("xabc")).isEqualTo("x");
    assertThat(stops.matched()).contains("abc");
  }

  @Test
  void append_noStops_letsEverythingThrough() {
    StopStrings stops = new StopStrings(List.of());
    assertThat(stops.append("anything")).isEqualTo("anything");
  }

  @Test
  void append_stopBeginsWithEmoji_neverSplitsIt() {
    StopStrings stops = new StopStrings(List.of("😀!"));
    assertThat(stops.append("a😀")).isEqualTo("a");
    assertThat(stops.append("😁")).isEqualTo("😀😁");
  }

  @Test
  void constructor_unusableStops_areRefused() {
    assertThatThrownBy(() -> new StopStrings(List.of("")))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new StopStrings(List.of("x".repeat(StopStrings.MAX_STOP_LENGTH + 1))))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new StopStrings(List.of("\uDE00")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("surrogates");
    assertThatThrownBy(() -> new StopStrings(Collections.nCopies(StopStrings.MAX_STOPS + 1, "x")))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
