package dev.consilium.model.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.testkit.Seeds;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SearchPropertyTest {

  /** Texts of two letters, so that long parts match almost everywhere. */
  private static String text(SplittableRandom random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append(random.nextInt(8) == 0 ? 'b' : 'a');
    }
    return text.toString();
  }

  @Test
  void indexOf_randomTexts_isWhatJavaFinds() {
    long seed = Seeds.seed();
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 3_000; round++) {
      String text = text(random, random.nextInt(400));
      int cut = random.nextInt(text.length() + 1);
      int length = random.nextInt(text.length() - cut + 1);
      String part = random.nextBoolean() ? text.substring(cut, cut + length) : text(random, 70);
      int from = random.nextInt(text.length() + 1);
      assertThat(Search.indexOf(text, part, from))
          .as("seed %d", seed)
          .isEqualTo(text.indexOf(part, from));
      assertThat(Search.lastIndexOf(text, part))
          .as("seed %d", seed)
          .isEqualTo(text.lastIndexOf(part));
    }
  }
}
