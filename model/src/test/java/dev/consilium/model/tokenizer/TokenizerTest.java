package dev.consilium.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerTest {

  private static final String WORD_LEVEL =
      """
      {"version": "1.0", "truncation": null, "padding": null, "normalizer": null,
       "added_tokens": [{"id": 3, "content": "<eos>", "single_word": false, "lstrip": false,
         "rstrip": false, "normalized": false, "special": true}],
       "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
       "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "hello": 1, "world": 2}, "unk_token": "<unk>"}}
      """;

  @TempDir private Path directory;

  private Path write(String file, String text) throws IOException {
    return Files.writeString(directory.resolve(file), text);
  }

  @Test
  void load_demoModel_knowsItsSpecialTokens() throws IOException {
    try (Tokenizer tokenizer = Tokenizer.load(Fixtures.demoModel())) {
      assertThat(tokenizer.vocabularySize()).isEqualTo(4096);
      assertThat(tokenizer.eosId()).hasValue(4095);
      assertThat(tokenizer.bosId()).isEmpty();
      assertThat(tokenizer.tokenId("<|im_start|>")).hasValue(4094);
      assertThat(tokenizer.tokenText(4093)).contains("<|endoftext|>");
      assertThat(tokenizer.isSpecial(4093)).isTrue();
      assertThat(tokenizer.isSpecial(0)).isFalse();
      assertThat(tokenizer.encode("<|im_start|>", false)).containsExactly(4094);
      assertThat(tokenizer.decode(new int[] {4094}, true)).isEmpty();
      assertThat(tokenizer.decode(new int[] {4094}, false)).isEqualTo("<|im_start|>");
    }
  }

  @Test
  void load_onlyTokenizerJson_hasNoBosAndEos() throws IOException {
    write("tokenizer.json", WORD_LEVEL);
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      assertThat(tokenizer.bosId()).isEmpty();
      assertThat(tokenizer.eosId()).isEmpty();
      assertThat(tokenizer.vocabularySize()).isEqualTo(4);
      assertThat(tokenizer.encode("hello there world<eos>", false)).containsExactly(1, 0, 2, 3);
      assertThat(Streams.decode(tokenizer.decoder(), new int[] {1, 2, 3, 1}))
          .isEqualTo("hello world hello");
    }
  }

  @Test
  void load_fileThatTruncatesAndPads_encodesWholeAndAlone() throws IOException {
    write(
        "tokenizer.json",
        WORD_LEVEL
            .replace(
                "\"truncation\": null",
                "\"truncation\": {\"direction\": \"Right\", \"max_length\": 2, \"strategy\":"
                    + " \"LongestFirst\", \"stride\": 0}")
            .replace(
                "\"padding\": null",
                "\"padding\": {\"strategy\": {\"Fixed\": 9}, \"direction\": \"Right\","
                    + " \"pad_to_multiple_of\": null, \"pad_id\": 0, \"pad_type_id\": 0,"
                    + " \"pad_token\": \"<unk>\"}"));
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      assertThat(tokenizer.encode("hello world hello", true)).containsExactly(1, 2, 1);
    }
  }

  @Test
  void encode_unpairedSurrogates_areReplacementCharacters() {
    Tokenizer tokenizer = TokenizerFixture.tokenizer("qwen3");
    int[] replaced = tokenizer.encode("a\uFFFDb\uFFFD 😀", false);
    assertThat(tokenizer.encode("a\uD83Db\uDE00 😀", false)).isEqualTo(replaced);
    assertThat(tokenizer.decode(replaced, false)).isEqualTo("a\uFFFDb\uFFFD 😀");
  }

  @Test
  void encode_nulAndControls_comeBack() {
    Tokenizer tokenizer = TokenizerFixture.tokenizer("qwen3");
    String text = "a\u0000b\u0001\u007f\u0080\r\n";
    assertThat(tokenizer.decode(tokenizer.encode(text, false), false)).isEqualTo(text);
  }

  @Test
  void encode_textOverTheLimit_isRefusedWithBothNumbers() throws IOException {
    write("tokenizer.json", WORD_LEVEL);
    try (Tokenizer tokenizer =
        Tokenizer.load(directory, TokenizerOptions.DEFAULT.withMaxTextBytes(10))) {
      assertThat(tokenizer.encode("hello 😀", false)).hasSize(2);
      assertThatThrownBy(() -> tokenizer.encode("hello é😀", false))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("12 bytes")
          .hasMessageContaining("10");
    }
  }

  @Test
  void decode_idsWithoutToken_areNoText() {
    Tokenizer tokenizer = TokenizerFixture.tokenizer("qwen3");
    int[] ids = {40, tokenizer.vocabularySize() + 5, Integer.MAX_VALUE, 40};
    assertThat(tokenizer.decode(ids, false)).isEqualTo("II");
    assertThat(Streams.decode(tokenizer.decoder(), ids)).isEqualTo("II");
    assertThatThrownBy(() -> tokenizer.decode(new int[] {-1}, false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("-1");
  }

  @Test
  void close_thenUse_isRefused() throws IOException {
    write("tokenizer.json", WORD_LEVEL);
    Tokenizer tokenizer = Tokenizer.load(directory);
    tokenizer.close();
    tokenizer.close();
    assertThatThrownBy(() -> tokenizer.encode("hello", false))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
  }

  @Test
  void encode_fromManyThreads_givesTheSameIds() throws Exception {
    Tokenizer tokenizer = TokenizerFixture.tokenizer("mixtral");
    List<String> texts = new ArrayList<>();
    for (TokenizerFixture.Case stored : TokenizerFixture.cases("mixtral")) {
      texts.add(stored.text());
    }
    String expected = all(tokenizer, texts);
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Callable<String>> jobs = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        jobs.add(() -> all(tokenizer, texts));
      }
      for (Future<String> job : threads.invokeAll(jobs)) {
        assertThat(job.get()).isEqualTo(expected);
      }
    }
  }

  private static String all(Tokenizer tokenizer, List<String> texts) {
    StringBuilder all = new StringBuilder();
    for (String text : texts) {
      int[] ids = tokenizer.encode(text, true);
      all.append(Arrays.toString(ids)).append(Streams.decode(tokenizer.decoder(), ids));
    }
    return all.toString();
  }

  @Test
  void close_whileOthersEncode_letsThemFinishOrRefusesThem() throws Exception {
    write("tokenizer.json", WORD_LEVEL);
    for (int round = 0; round < 20; round++) {
      Tokenizer tokenizer = Tokenizer.load(directory);
      try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
        List<Future<Integer>> jobs = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          jobs.add(threads.submit(() -> encodeOften(tokenizer)));
        }
        tokenizer.close();
        for (Future<Integer> job : jobs) {
          assertThat(job.get()).isBetween(0, 200);
        }
      }
    }
  }

  private static int encodeOften(Tokenizer tokenizer) {
    for (int i = 0; i < 200; i++) {
      try {
        assertThat(tokenizer.encode("hello world", false)).containsExactly(1, 2);
      } catch (IllegalStateException closed) {
        return i;
      }
    }
    return 200;
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "`` => must be START_OBJECT",
        "[] => must be START_OBJECT, found START_ARRAY",
        "null => must be START_OBJECT, found VALUE_NULL",
        "{} => has no tokens",
        "not json => cannot be read as JSON",
        "{\"model\": 5} => \"model\" must be START_OBJECT, found VALUE_NUMBER_INT",
        "{\"model\": {\"vocab\": 5}} => \"vocab\" of \"model\" must be START_ARRAY",
        "{\"model\": {\"vocab\": {\"a\": \"b\"}}} => the id of token \"a\" must be VALUE_NUMBER_INT",
        "{\"model\": {\"vocab\": {\"a\": 1.5}}} => the id of token \"a\" must be VALUE_NUMBER_INT",
        "{\"model\": {\"vocab\": {\"a\": -1}}} => has id -1, expected 0 to",
        "{\"model\": {\"vocab\": {\"a\": 4294967295}}} => has id 4294967295, expected 0 to",
        "{\"model\": {\"vocab\": {\"a\": 99999999999999999999}}} => cannot be read as JSON",
        "{\"model\": {\"vocab\": [5]}} => entry 0 of \"vocab\" must be START_ARRAY",
        "{\"model\": {\"vocab\": [[5]]}} => the token of entry 0 must be VALUE_STRING",
        "{\"added_tokens\": {}} => \"added_tokens\" must be START_ARRAY",
        "{\"added_tokens\": [5]} => integer \"id\"",
        "{\"added_tokens\": [{\"id\": 99999999999, \"content\": \"a\"}]} => has id 99999999999",
        "{\"model\": {\"vocab\": {\"a\": 0}}} => is not a usable tokenizer",
        "{\"model\": {\"type\": \"NoSuch\", \"vocab\": {\"a\": 0}}} => is not a usable tokenizer",
        "{\"model\": {\"vocab\": {\"a\": 0}}} {} => text after the end"
      })
  void load_hostileTokenizerJson_namesFileAndProblem(String json, String problem)
      throws IOException {
    write("tokenizer.json", json);
    assertThatThrownBy(() -> Tokenizer.load(directory).close())
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("tokenizer.json")
        .hasMessageContaining(problem);
  }

  /** Each of these made the native library abort the process, at once or at some text. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "normalizer => {\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \"b\"} => matches the empty text",
        "normalizer => {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"x*\"}, \"content\": \"b\"} => matches the empty text",
        "normalizer => {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"$\"}, \"content\": \"b\"} => matches the empty text",
        "normalizer => {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"\"} => is damaged",
        "normalizer => {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"} => is damaged",
        "normalizer => {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"//////////8=\"} => is damaged",
        "normalizer => {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"?\"} => is not base64",
        "normalizer => {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"BAAAAP////8=\"}]} => is damaged",
        "pre_tokenizer => {\"type\": \"FixedLength\", \"length\": 0} => FixedLength needs a length",
        "decoder => {\"type\": \"Strip\", \"content\": \" \", \"start\": 0, \"stop\": 1} => Strip with stop 1 is not supported",
        "post_processor => {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"x\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {}} => which its special_tokens do not define",
        "post_processor => {\"type\": \"BertProcessing\", \"sep\": [\"\", 4294967295], \"cls\": [\"\", 1]} => adds the token id 4294967295"
      })
  void load_settingsThatAbortTheLibrary_areRefusedBefore(
      String component, String json, String problem) throws IOException {
    String nothing =
        "\""
            + component
            + "\": "
            + (component.equals("pre_tokenizer") ? "{\"type\": \"Whitespace\"}" : "null");
    assertThat(WORD_LEVEL).contains(nothing);
    write("tokenizer.json", WORD_LEVEL.replace(nothing, "\"" + component + "\": " + json));
    assertThatThrownBy(() -> Tokenizer.load(directory).close())
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("tokenizer.json")
        .hasMessageContaining(problem);
  }

  @Test
  void load_bpeWithPrefix_isRefused() throws IOException {
    write(
        "tokenizer.json",
        "{\"model\": {\"type\": \"BPE\", \"continuing_subword_prefix\": \"##\", \"merges\": [[\"a\", \"b\"]],"
            + " \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}}}");
    assertThatThrownBy(() -> Tokenizer.load(directory).close())
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("continuing_subword_prefix");
  }

  @Test
  void load_addedTokenIdWithGap_isRefused() throws IOException {
    write("tokenizer.json", WORD_LEVEL.replace("\"id\": 3", "\"id\": 7"));
    assertThatThrownBy(() -> Tokenizer.load(directory).close())
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("added token <eos> has id 7");
  }

  @Test
  void encode_noTokenForTheUnknown_isRefusedForThatTextOnly() throws IOException {
    write(
        "tokenizer.json",
        "{\"version\": \"1.0\", \"added_tokens\": [], \"model\": {\"type\": \"Unigram\", \"unk_id\": null,"
            + " \"vocab\": [[\"a\", -1.0], [\"b\", -2.0]]}}");
    try (Tokenizer tokenizer = Tokenizer.load(directory)) {
      assertThat(tokenizer.encode("ab", false)).containsExactly(0, 1);
      assertThatThrownBy(() -> tokenizer.encode("x", false))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("cannot encode this text");
    }
  }

  @Test
  void load_truncatedTokenizerJson_isRefusedWhereverItIsCut() throws IOException {
    for (int length = 0; length < WORD_LEVEL.trim().length(); length += 7) {
      write("tokenizer.json", WORD_LEVEL.substring(0, length));
      assertThatThrownBy(() -> Tokenizer.load(directory).close())
          .as("cut at %d", length)
          .isInstanceOf(TokenizerException.class);
    }
  }

  @Test
  void load_hugeNesting_isRefused() throws IOException {
    for (String open :
        List.of(
            "[",
            "{\"a\":",
            "{\"decoder\":",
            "{\"added_tokens\":[",
            "{\"model\":{\"vocab\":[[\"a\",")) {
      write("tokenizer.json", open.repeat(200_000));
      assertThatThrownBy(() -> Tokenizer.load(directory).close())
          .isInstanceOf(TokenizerException.class);
    }
    String nested = "{\"a\":".repeat(200_000);
    write("tokenizer.json", WORD_LEVEL.replace("\"decoder\": null", "\"decoder\": " + nested));
    assertThatThrownBy(() -> Tokenizer.load(directory).close())
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("depth");
  }

  @Test
  void load_noFileOrInvalidUtf8OrTooLarge_isRefused() throws IOException {
    assertThatThrownBy(() -> Tokenizer.load(directory).close())
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("tokenizer.json");
    Files.write(directory.resolve("tokenizer.json"), new byte[] {'{', (byte) 0xff, '}'});
    assertThatThrownBy(() -> Tokenizer.load(directory).close())
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("UTF-8");
    write("tokenizer.json", WORD_LEVEL);
    TokenizerOptions small = new TokenizerOptions(100, 100, 100);
    assertThatThrownBy(() -> Tokenizer.load(directory, small).close())
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("limit of 100 bytes");
  }

  @Test
  void defaultCache_homeNotWritable_isAPrivateTemporaryDirectory() throws IOException {
    Path notADirectory = write("home", "a file");
    Path cache = NativeTokenizers.defaultCache(notADirectory, directory);
    assertThat(cache).isDirectory().hasParent(directory);
    assertThat(cache.toFile().canWrite()).isTrue();
    assertThat(NativeTokenizers.defaultCache(notADirectory, directory)).isNotEqualTo(cache);
  }

  @Test
  void defaultCache_homeWritable_isBelowIt() throws IOException {
    assertThat(NativeTokenizers.defaultCache(directory, directory))
        .isEqualTo(directory.resolve(".cache/consilium"))
        .isDirectory();
  }

  @Test
  void defaultCache_nothingWritable_saysWhatToSet() throws IOException {
    Path notADirectory = write("home", "a file");
    assertThatThrownBy(() -> NativeTokenizers.defaultCache(notADirectory, notADirectory))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining(NativeTokenizers.CACHE_PROPERTY);
  }
}
