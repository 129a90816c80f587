package dev.consilium.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.tokenizer.TokenizerFixture.Case;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Token ids and texts against those that the models' own tokenizers computed; sources in
 * testkit/fixtures/README.md.
 */
class TokenizerGoldenTest {

  static Stream<String> tokenizers() {
    return TokenizerFixture.NAMES.stream();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encode_storedCases_givesStoredIds(String name) throws IOException {
    for (Case stored : TokenizerFixture.cases(name)) {
      assertThat(TokenizerFixture.tokenizer(name).encode(stored.text(), false))
          .as("%s: %s", name, stored.text())
          .containsExactly(array(stored.ids()));
    }
  }

  @ParameterizedTest
  @CsvSource({"gpt-oss, 205", "mixtral, 74", "olmoe, 78", "phi-3.5-moe, 74", "qwen3, 81"})
  void cases_storedCases_areAllThere(String name, int count) throws IOException {
    assertThat(TokenizerFixture.cases(name)).hasSize(count);
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encode_withSpecialTokens_givesStoredIdsOrAddsNothing(String name) throws IOException {
    for (Case stored : TokenizerFixture.cases(name)) {
      assertThat(TokenizerFixture.tokenizer(name).encode(stored.text(), true))
          .as("%s: %s", name, stored.text())
          .containsExactly(array(stored.idsWithSpecialTokens().orElse(stored.ids())));
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void decode_storedCases_givesStoredText(String name) throws IOException {
    List<Case> withText =
        TokenizerFixture.cases(name).stream().filter(c -> c.decoded().isPresent()).toList();
    for (Case stored : withText) {
      assertThat(TokenizerFixture.tokenizer(name).decode(array(stored.ids()), false))
          .as("%s: %s", name, stored.text())
          .isEqualTo(stored.decoded().orElseThrow());
    }
    assertThat(withText).hasSize(name.equals("mixtral") ? 74 : 0);
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void append_storedCases_addsUpToDecodingAtOnce(String name) throws IOException {
    Tokenizer tokenizer = TokenizerFixture.tokenizer(name);
    for (Case stored : TokenizerFixture.cases(name)) {
      for (boolean special : List.of(true, false)) {
        int[] ids = tokenizer.encode(stored.text(), special);
        for (boolean skip : List.of(true, false)) {
          assertThat(Streams.decode(tokenizer.decoder(skip), ids))
              .as("%s, skip %s: %s", name, skip, Arrays.toString(ids))
              .isEqualTo(tokenizer.decode(ids, skip));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void encode_longText_isNotTruncated(String name) {
    Tokenizer tokenizer = TokenizerFixture.tokenizer(name);
    String text = "one two three ".repeat(2_000) + "end";

    int[] ids = tokenizer.encode(text, false);

    assertThat(ids).hasSizeGreaterThan(6_000);
    assertThat(tokenizer.decode(ids, true)).isEqualTo(text);
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void tokenText_everyKnownId_isFoundAgainByItsText(String name) {
    Tokenizer tokenizer = TokenizerFixture.tokenizer(name);
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      tokenizer
          .tokenText(id)
          .ifPresent(text -> assertThat(tokenizer.tokenId(text)).as(text).isPresent());
    }
    assertThat(tokenizer.tokenText(tokenizer.vocabularySize())).isEmpty();
    assertThat(tokenizer.tokenText(-1)).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("tokenizers")
  void append_negativeId_isRefused(String name) {
    IncrementalDecoder decoder = TokenizerFixture.tokenizer(name).decoder();
    assertThatThrownBy(() -> decoder.append(-1)).isInstanceOf(IllegalArgumentException.class);
  }

  private static int[] array(List<Integer> ids) {
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }
}
