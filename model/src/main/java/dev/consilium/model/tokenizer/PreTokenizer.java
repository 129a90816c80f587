package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a byte-level BPE cuts a text into words before it merges: GGUF files only have a name for it.
 * The patterns are those of the tokenizer files of the models that the names come from.
 *
 * @param steps patterns whose matches become words of their own, one after the other on what is
 *     left; {@link #GPT2} for the pattern that byte-level pre-tokenizers have built in
 * @param compose whether the text is put into Unicode's composed form first
 * @param wholeWords whether a word that is a token is taken as it is, without merging
 * @param beginOfText whether files that do not say begin texts with the token for that
 */
record PreTokenizer(List<String> steps, boolean compose, boolean wholeWords, boolean beginOfText) {

  /** Stands for the pattern that byte-level pre-tokenizers have built in. */
  static final String GPT2 = "";

  private static final String ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String LETTERS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
  private static final String SYMBOLS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
  private static final String SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  private static final String SINGLE_DIGITS = "\\p{N}";
  private static final String THREE_DIGITS = "\\p{N}{1,3}";

  private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
  private static final String BEFORE_WORD = "[^\\r\\n\\p{L}\\p{N}]?";
  private static final String PATHS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*";

  private static final String QWEN2 =
      String.join("|", ENDINGS, LETTERS, SINGLE_DIGITS, SYMBOLS, SPACES);

  /** As that, with accents that follow a letter. */
  private static final String QWEN35 =
      String.join(
          "|",
          ENDINGS,
          "[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+",
          SINGLE_DIGITS,
          " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*",
          SPACES);

  private static final String LLAMA3 =
      String.join("|", ENDINGS, LETTERS, THREE_DIGITS, SYMBOLS, SPACES);
  private static final String GPT4O =
      String.join(
          "|",
          BEFORE_WORD + UPPER + "*" + LOWER + "+" + ENDINGS + "?",
          BEFORE_WORD + UPPER + "+" + LOWER + "*" + ENDINGS + "?",
          THREE_DIGITS,
          PATHS,
          SPACES);
  private static final String TEKKEN =
      String.join(
          "|",
          BEFORE_WORD + UPPER + "*" + LOWER + "+",
          BEFORE_WORD + UPPER + "+" + LOWER + "*",
          SINGLE_DIGITS,
          PATHS,
          SPACES);
  private static final String DEEPSEEK3 =
      "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
          + "|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
          + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
          + SPACES;

  /** Several words may be one token. */
  private static final String EXAONE_MOE =
      String.join(
          "|",
          ENDINGS,
          "[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+",
          SINGLE_DIGITS,
          " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?",
          "\\s*[\\r\\n]|\\s+(?!\\S)|\\s+");

  /** Letters that have cases, of the scripts that do. */
  private static final String CASED =
      "["
          + "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ"
          + "-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉ"
          + "ⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
          + "]";

  /** Chinese characters by themselves, other words as in gpt-4o. */
  private static final String KIMI =
      String.join(
          "|",
          "[\\p{Han}]+",
          BEFORE_WORD + noHan(UPPER) + "*" + noHan(LOWER) + "+" + ENDINGS + "?",
          BEFORE_WORD + noHan(UPPER) + "+" + noHan(LOWER) + "*" + ENDINGS + "?",
          THREE_DIGITS,
          SYMBOLS,
          SPACES);

  private static final String BAILING =
      "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*"
          + "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

  /** Of names that mean the same, the first is the one that is written. */
  private static final Map<String, PreTokenizer> TABLE = new LinkedHashMap<>();

  static {
    // What files of early converters mean, which knew no names.
    add(plain("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"), "default");
    add(plain(GPT2), "gpt-2", "phi-2", "jina-es", "jina-de", "exaone4");
    add(composed(GPT2), "olmo", "mpt");
    add(composed(QWEN2), "qwen2", "deepseek-r1-qwen", "megrez");
    add(composed(QWEN35), "qwen35");
    add(plain(QWEN2), "stablelm2", "hunyuan", "solar-open");
    add(
        new PreTokenizer(List.of(LLAMA3), false, true, true),
        "llama-bpe",
        "llama3",
        "llama-v3",
        "lfm2");
    add(plain(LLAMA3), "dbrx", "smaug-bpe", "chatglm-bpe", "glm4");
    add(plain(GPT4O), "gpt-4o", "llama4", "minimax-m2");
    add(new PreTokenizer(List.of(TEKKEN), false, true, true), "tekken");
    add(plain(SINGLE_DIGITS, GPT2), "smollm", "starcoder", "refact", "codeshell");
    add(composed(SINGLE_DIGITS, GPT2), "command-r");
    add(
        plain("[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-퟿]+", "\\p{N}"),
        "deepseek-coder");
    add(plain(THREE_DIGITS, "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK3), "deepseek-v3", "hunyuan-dense");
    add(
        plain(
            "[\\r\\n]",
            "\\s?" + CASED + "+",
            "\\s?[!-/:-~！-／：-～‘-‟　-。]+",
            "\\s+$",
            "[一-龥ࠀ-一가-퟿]+",
            SINGLE_DIGITS),
        "deepseek-llm");
    add(plain(EXAONE_MOE), "exaone-moe");
    add(plain(KIMI), "kimi-k2");
    add(composed(BAILING), "bailingmoe", "bailingmoe2", "llada-moe");
  }

  /** The same characters but Chinese ones. */
  private static String noHan(String characters) {
    return characters.substring(0, characters.length() - 1) + "&&[^\\p{Han}]]";
  }

  private static void add(PreTokenizer one, String... names) {
    for (String name : names) {
      TABLE.put(name, one);
    }
  }

  private static PreTokenizer plain(String... steps) {
    return new PreTokenizer(List.of(steps), false, false, false);
  }

  private static PreTokenizer composed(String... steps) {
    return new PreTokenizer(List.of(steps), true, false, false);
  }

  /** All names that we know, sorted. */
  static List<String> names() {
    return TABLE.keySet().stream().sorted().toList();
  }

  static Optional<PreTokenizer> named(String name) {
    return Optional.ofNullable(TABLE.get(name));
  }

  /** The name of what a {@code tokenizer.json} does, if it has one. */
  static Optional<String> nameOf(JsonNode tokenizer) {
    Optional<List<String>> steps = stepsOf(tokenizer.path("pre_tokenizer"));
    List<String> normalizers =
        TokenizerSteps.of(tokenizer.path("normalizer"), "normalizers").stream()
            .map(step -> step.path("type").asText())
            .toList();
    boolean composes = normalizers.equals(List.of("NFC"));
    boolean whole = tokenizer.path("model").path("ignore_merges").asBoolean(false);
    if (steps.isEmpty() || !(composes || normalizers.isEmpty())) {
      return Optional.empty();
    }
    return TABLE.entrySet().stream()
        .filter(entry -> {
          PreTokenizer one = entry.getValue();
          return one.steps.equals(steps.get())
              && one.compose == composes
              && one.wholeWords == whole;
        })
        .map(Map.Entry::getKey)
        .findFirst();
  }

  private static Optional<List<String>> stepsOf(JsonNode preTokenizer) {
    List<String> steps = new ArrayList<>();
    for (JsonNode step : TokenizerSteps.of(preTokenizer, "pretokenizers")) {
      switch (step.path("type").asText()) {
        case "Split" -> {
          if (!step.path("behavior").asText().equals("Isolated")
              || !step.path("pattern").path("Regex").isTextual()
              || step.path("invert").asBoolean()) {
            return Optional.empty();
          }
          String regex = step.path("pattern").path("Regex").textValue();
          steps.add(regex.equals(GPT2_PATTERN) ? GPT2 : regex);
        }
        case "Digits" -> {
          if (!step.path("individual_digits").asBoolean()) {
            return Optional.empty();
          }
          steps.add(SINGLE_DIGITS);
        }
        case "ByteLevel" -> {
          if (step.path("add_prefix_space").asBoolean()) {
            return Optional.empty();
          }
          if (step.path("use_regex").asBoolean(true)) {
            steps.add(GPT2);
          }
        }
        default -> {
          return Optional.empty();
        }
      }
    }
    return Optional.of(steps);
  }

  /** As {@code pre_tokenizer} of a {@code tokenizer.json}. */
  ObjectNode json() {
    ObjectNode sequence = JsonNodeFactory.instance.objectNode().put("type", "Sequence");
    ArrayNode parts = sequence.putArray("pretokenizers");
    for (String step : steps.equals(List.of(GPT2)) ? List.<String>of() : steps) {
      ObjectNode split = parts.addObject().put("type", "Split");
      split.putObject("pattern").put("Regex", step.equals(GPT2) ? GPT2_PATTERN : step);
      split.put("behavior", "Isolated").put("invert", false);
    }
    byteLevel(parts.addObject(), steps.equals(List.of(GPT2)));
    return sequence;
  }

  private static final String GPT2_PATTERN =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  /** Fills in what turns words into characters that stand for bytes, or back. */
  static void byteLevel(ObjectNode into, boolean useRegex) {
    into.put("type", "ByteLevel")
        .put("add_prefix_space", false)
        .put("trim_offsets", false)
        .put("use_regex", useRegex);
  }
}
