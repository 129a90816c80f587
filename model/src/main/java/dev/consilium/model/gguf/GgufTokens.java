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

  /** Of all tokens of a vocabulary; the largest published ones have some 5 MB. */
  static final int MAX_LIST_BYTES = 256 << 20;

  static final String TOKENS = "tokenizer.ggml.tokens";
  static final String TYPES = "tokenizer.ggml.token_type";

  private static final List<String> END_KEYS =
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
    int[] types = metadata.wholes(TYPES, MAX_LIST_BYTES);
    List<String> tokens = metadata.texts(TOKENS, MAX_LIST_BYTES);
    for (int i = 0; i < Math.min(types.length, tokens.size()); i++) {
      if (types[i] == CONTROL && END_TEXTS.contains(tokens.get(i))) {
        ids.add(i);
      }
    }
    return ids;
  }
}
