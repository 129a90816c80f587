package dev.consilium.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * However a text is cut into pieces: what comes out is what a look at every beginning of the whole
 * text says.
 */
class StopStringsPropertyTest {

  private record Found(String before, Optional<String> stop) {}

  @Test
  void append_randomTextsAndPieces_agreesWithLookingAtTheWhole() {
    long seed = Seeds.seed();
    SplittableRandom random = new SplittableRandom(seed);
    int stopped = 0;
    for (int round = 0; round < 20_000; round++) {
      List<String> stops = new ArrayList<>();
      IntStream.range(0, random.nextInt(4))
          .forEach(i -> stops.add(text(random, 1 + random.nextInt(5))));
      String text = text(random, random.nextInt(25));
      Found expected = look(text, stops);
      Found found = stream(text, stops, random);
      assertThat(found).as("seed %d: '%s' %s", seed, text, stops).isEqualTo(expected);
      stopped += found.stop().isPresent() ? 1 : 0;
    }
    assertThat(stopped).isBetween(2_000, 18_000);
  }

  /** Few letters, so that stops begin often and overlap. */
  private static String text(SplittableRandom random, int length) {
    StringBuilder text = new StringBuilder();
    IntStream.range(0, length).forEach(i -> text.append("aabc".charAt(random.nextInt(4))));
    return text.toString();
  }

  private static Found look(String text, List<String> stops) {
    for (int end = 0; end <= text.length(); end++) {
      String beginning = text.substring(0, end);
      Optional<String> longest =
          stops.stream()
              .filter(beginning::endsWith)
              .reduce((a, b) -> b.length() > a.length() ? b : a);
      if (longest.isPresent()) {
        return new Found(text.substring(0, end - longest.get().length()), longest);
      }
    }
    return new Found(text, Optional.empty());
  }

  private static Found stream(String text, List<String> stops, SplittableRandom random) {
    StopStrings matcher = new StopStrings(stops);
    int longest = stops.stream().mapToInt(String::length).max().orElse(1);
    StringBuilder shown = new StringBuilder();
    for (int at = 0; at < text.length(); ) {
      int end = Math.min(text.length(), at + random.nextInt(5));
      shown.append(matcher.append(text.substring(at, end)));
      assertThat(matcher.stopped() || end - shown.length() < longest).as("holds too much").isTrue();
      at = end;
    }
    return new Found(shown.append(matcher.flush()).toString(), matcher.matched());
  }
}
