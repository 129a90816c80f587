package dev.consilium.model.tokenizer;

/** The metadata keys of a tokenizer in a GGUF file. */
final class GgufTokenizerKeys {

  static final String MODEL = "tokenizer.ggml.model";
  static final String PRE = "tokenizer.ggml.pre";
  static final String TOKENS = "tokenizer.ggml.tokens";
  static final String TYPES = "tokenizer.ggml.token_type";
  static final String SCORES = "tokenizer.ggml.scores";
  static final String MERGES = "tokenizer.ggml.merges";
  static final String ADD_BOS = "tokenizer.ggml.add_bos_token";
  static final String ADD_EOS = "tokenizer.ggml.add_eos_token";
  static final String ADD_SPACE = "tokenizer.ggml.add_space_prefix";
  static final String BOS = "tokenizer.ggml.bos_token_id";
  static final String EOS = "tokenizer.ggml.eos_token_id";
  static final String UNKNOWN = "tokenizer.ggml.unknown_token_id";
  static final String PADDING = "tokenizer.ggml.padding_token_id";

  /** A whole {@code tokenizer.json}; where it is there it says more than all the others. */
  static final String HUGGING_FACE = "tokenizer.huggingface.json";

  static final String CHAT_TEMPLATE = "tokenizer.chat_template";

  /** Byte-level BPE. */
  static final String BYTE_LEVEL = "gpt2";

  /** SentencePiece's BPE, with scores and tokens for single bytes. */
  static final String SCORED = "llama";

  /** No tokenizer that other programs know. */
  static final String NONE = "none";

  /** What tokens are, by {@link #TYPES}. */
  static final int NORMAL = 1;

  static final int UNKNOWN_TOKEN = 2;
  static final int CONTROL = 3;
  static final int USER_DEFINED = 4;
  static final int UNUSED = 5;
  static final int BYTE = 6;

  private GgufTokenizerKeys() {}
}
