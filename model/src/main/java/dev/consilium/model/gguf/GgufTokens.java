package dev.consilium.model.gguf;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The tokens that end an answer: those that the metadata name, and control tokens whose text is
 * known to end a turn, because converters name only one of several.
 */
public final class GgufTokens {

  /** Of the kinds of all tokens; the largest published vocabularies have some 260,000. */
  private static final int MAX_TYPES_BYTES = 16 << 20;

  /** Tokens with such a text; a vocabulary has each once. */
  private static final int MAX_ENDS = 1024;

  private static final String TOKENS = "tokenizer.ggml.tokens";
  private static final String TYPES = "tokenizer.ggml.token_type";

  /** The keys of tokens that end an answer: of a text, of a turn, of a message. */
  public static final List<String> END_KEYS =
      List.of(
          "tokenizer.ggml.eos_token_id",
          "tokenizer.ggml.eot_token_id",
          "tokenizer.ggml.eom_token_id");

  private static final Set<String> END_TEXTS =
      Set.of(
          "<|im_end|>",
          "<|endoftext|>",
          "<|eot_id|>",
          "<|eom_id|>",
          "<|end|>",
          "<|end_of_text|>",
          "<end_of_turn>",
          "<|return|>",
          "<|call|>");

  private static final int CONTROL = 3;

  private GgufTokens() {}

  /**
   * Whether a token is known to end an answer without a key that names it.
   *
   * @param type as {@code tokenizer.ggml.token_type} has it
   */
  public static boolean endsByText(String token, int type) {
    return type == CONTROL && END_TEXTS.contains(token);
  }

  /** The ids, the one that {@code eos_token_id} names first. */
  public static Set<Integer> endOfText(GgufMetadata metadata) {
    Set<Integer> ids = new LinkedHashSet<>();
    for (String key : END_KEYS) {
      OptionalInt id = metadata.whole(key, Integer.MIN_VALUE, Integer.MAX_VALUE);
      id.ifPresent(ids::add);
    }
    if (ids.isEmpty() || !metadata.has(TYPES)) {
      return ids;
    }
    int[] types = metadata.wholes(TYPES, MAX_TYPES_BYTES);
    for (int id : metadata.indicesOf(END_TEXTS, TOKENS, MAX_ENDS)) {
      if (id < types.length && types[id] == CONTROL) {
        ids.add(id);
      }
    }
    return ids;
  }
}
