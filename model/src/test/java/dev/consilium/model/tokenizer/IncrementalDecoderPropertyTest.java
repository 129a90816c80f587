package dev.consilium.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.testkit.Seeds;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Pieces put together are the whole, for ids that no text would give: broken characters, special
 * tokens, ids without a token.
 */
class IncrementalDecoderPropertyTest {

  static List<String> tokenizers() {
    return TokenizerFixture.NAMES;
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void append_randomIds_addsUpToDecodingAtOnce(String name) {
    long seed = Seeds.seed();
    SplittableRandom random = new SplittableRandom(seed);
    Tokenizer tokenizer = TokenizerFixture.tokenizer(name);
    for (int round = 0; round < 300; round++) {
      int[] ids = randomIds(tokenizer, random);
      boolean skip = random.nextBoolean();
      assertThat(Streams.decode(tokenizer.decoder(skip), ids))
          .as("%s, seed %d, skip %s: %s", name, seed, skip, Arrays.toString(ids))
          .isEqualTo(tokenizer.decode(ids, skip));
    }
  }

  /**
   * Mostly low ids, among which are the tokens of single bytes; some from the whole range; some
   * beyond it.
   */
  private static int[] randomIds(Tokenizer tokenizer, SplittableRandom random) {
    int size = tokenizer.vocabularySize();
    int lowShare = random.nextInt(101);
    return IntStream.range(0, random.nextInt(40))
        .map(i -> random.nextInt(100) < lowShare ? random.nextInt(300) : random.nextInt(size + 10))
        .toArray();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void append_textOfManyScripts_neverShowsHalfACharacter(String name) {
    Tokenizer tokenizer = TokenizerFixture.tokenizer(name);
    String text = "Grüße 你好 😀👨‍👩‍👧 مرحبا ကမ္ဘာ 🇩🇪 ᚠᛇᚻ \uD835\uDD4F é";
    IncrementalDecoder decoder = tokenizer.decoder();
    StringBuilder shown = new StringBuilder();
    for (int id : tokenizer.encode(text, false)) {
      String piece = decoder.append(id);
      assertThat(piece).doesNotContain("\uFFFD");
      assertThat(Surrogates.indexOfUnpaired(piece, 0)).isNegative();
      shown.append(piece);
    }
    assertThat(shown.append(decoder.flush()).toString()).isEqualTo(text);
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void append_longGarbage_staysCheapAndComplete(String name) {
    Tokenizer tokenizer = TokenizerFixture.tokenizer(name);
    SplittableRandom random = new SplittableRandom(7);
    int[] ids = IntStream.range(0, 20_000).map(i -> 130 + random.nextInt(120)).toArray();
    assertThat(Streams.decode(tokenizer.decoder(), ids)).isEqualTo(tokenizer.decode(ids, true));
  }

  @Test
  void append_longPassageInBytes_streamsBeforeItEnds() {
    Tokenizer tokenizer = TokenizerFixture.tokenizer("mixtral");
    String text = "ကမ္ဘာပေါ်ရှိလူသားအားလုံး".repeat(20);
    IncrementalDecoder decoder = tokenizer.decoder();
    int shown = 0;
    int longestWait = 0;
    int waiting = 0;
    for (int id : tokenizer.encode(text, false)) {
      int length = decoder.append(id).length();
      shown += length;
      waiting = length == 0 ? waiting + 1 : 0;
      longestWait = Math.max(longestWait, waiting);
    }
    assertThat(shown).isGreaterThan(text.length() - ByteFallbackDecoder.MAX_HELD_BYTES);
    assertThat(longestWait).isLessThan(ByteFallbackDecoder.MAX_HELD_BYTES + 4);
  }

  @Test
  void append_afterFlush_isRefused() {
    IncrementalDecoder decoder = TokenizerFixture.tokenizer("qwen3").decoder();
    assertThat(decoder.append(40)).isEqualTo("I");
    assertThat(decoder.flush()).isEmpty();
    assertThat(decoder.flush()).isEmpty();
    assertThatThrownBy(() -> decoder.append(40)).isInstanceOf(IllegalStateException.class);
  }
}
