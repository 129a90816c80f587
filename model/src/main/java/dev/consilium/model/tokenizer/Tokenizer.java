package dev.consilium.model.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.LongFunction;

/**
 * The tokenizer of a model: any {@code tokenizer.json}, through the native Hugging Face library
 * that DJL packages.
 *
 * <p>Truncation and padding that the file asks for are switched off: a text is always encoded whole
 * and alone.
 *
 * <p>Threading: any number of threads may use one tokenizer at once (the native tokenizer is only
 * read; a read lock keeps {@link #close} from freeing it under them). After {@code close} every
 * call that needs native code throws {@link IllegalStateException}.
 */
public final class Tokenizer implements AutoCloseable {

  private final TokenizersLibrary library;
  private final TokenizerOptions options;
  private final TokenizerConfig config;
  private final Vocabulary vocabulary;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  /** Native address; 0 once closed. Guarded by {@code lock}. */
  private long handle;

  private Tokenizer(
      TokenizersLibrary library,
      long handle,
      TokenizerOptions options,
      TokenizerConfig config,
      Vocabulary vocabulary) {
    this.library = library;
    this.handle = handle;
    this.options = options;
    this.config = config;
    this.vocabulary = vocabulary;
  }

  /** Loads with {@link TokenizerOptions#DEFAULT}; see {@link #load(Path, TokenizerOptions)}. */
  public static Tokenizer load(Path modelDirectory) throws TokenizerException {
    return load(modelDirectory, TokenizerOptions.DEFAULT);
  }

  /**
   * Loads {@code tokenizer.json} of a model directory and, where there is one, {@code
   * tokenizer_config.json}; or what means the same in the metadata of a GGUF file.
   *
   * @param model a model directory, or a GGUF file
   * @throws TokenizerException naming the file and the problem, if either file or the native
   *     library cannot be used
   */
  public static Tokenizer load(Path model, TokenizerOptions options) throws TokenizerException {
    Optional<Path> gguf = TokenizerConfig.gguf(model);
    Path file = gguf.orElse(model.resolve("tokenizer.json"));
    String json =
        gguf.isPresent()
            ? GgufTokenizerReader.json(file, options)
            : JsonFile.read(file, options.maxFileBytes());
    Vocabulary vocabulary = Vocabulary.parse(file, json, options.maxVocabularySize());
    TokenizerConfig config = TokenizerConfig.load(model);
    TokenizersLibrary library = NativeTokenizers.library();
    Tokenizer tokenizer =
        new Tokenizer(library, create(library, file, json), options, config, vocabulary);
    tokenizer.checkAddedTokens(file);
    return tokenizer;
  }

  /**
   * The native library numbers added tokens itself; where the file says otherwise, the model would
   * be given wrong ids.
   */
  private void checkAddedTokens(Path file) throws TokenizerException {
    for (int id : vocabulary.added()) {
      String text = vocabulary.text(id).orElse("");
      boolean visible = text.codePoints().anyMatch(Character::isLetterOrDigit);
      if (visible && decode(new int[] {id}, false).isEmpty()) {
        close();
        throw new TokenizerException(
            file,
            "added token %s has id %d, but ids of added tokens must follow the vocabulary without gaps"
                .formatted(text, id));
      }
    }
  }

  private static long create(TokenizersLibrary library, Path file, String json)
      throws TokenizerException {
    try {
      long handle = library.createTokenizerFromString(json);
      library.disableTruncation(handle);
      library.disablePadding(handle);
      return handle;
    } catch (RuntimeException e) {
      throw new TokenizerException(file, "is not a usable tokenizer: " + e.getMessage(), e);
    }
  }

  /**
   * The token ids of a text. Special tokens written in the text are recognised. Unpaired
   * surrogates, which no UTF-8 text can hold, are read as U+FFFD.
   *
   * @param addSpecialTokens whether to add the tokens that the file's post-processor puts around a
   *     text (such as BOS); chat templates write them themselves
   * @throws IllegalArgumentException if the text is longer than {@link
   *     TokenizerOptions#maxTextBytes()}
   */
  public int[] encode(String text, boolean addSpecialTokens) {
    requireLength(text);
    String valid = Surrogates.replaceUnpaired(text);
    return withHandle(native_ -> encode(native_, valid, addSpecialTokens));
  }

  private int[] encode(long tokenizer, String text, boolean addSpecialTokens) {
    long encoding;
    try {
      encoding = library.encode(tokenizer, text, addSpecialTokens);
    } catch (RuntimeException e) {
      throw new IllegalArgumentException(
          "the tokenizer cannot encode this text: " + e.getMessage(), e);
    }
    try {
      return Arrays.stream(library.getTokenIds(encoding)).mapToInt(Math::toIntExact).toArray();
    } finally {
      library.deleteEncoding(encoding);
    }
  }

  /**
   * The text of token ids. Ids that no token has (models pad their vocabulary) stand for no text.
   *
   * @param skipSpecialTokens whether to leave out tokens that the file marks as special
   * @throws IllegalArgumentException if an id is negative
   */
  public String decode(int[] ids, boolean skipSpecialTokens) {
    for (int id : ids) {
      requireId(id);
    }
    long[] wide = Arrays.stream(ids).asLongStream().toArray();
    return withHandle(native_ -> library.decode(native_, wide, skipSpecialTokens));
  }

  /** A decoder of one stream of ids that leaves out special tokens. */
  public IncrementalDecoder decoder() {
    return decoder(true);
  }

  /** A decoder of one stream of ids, see {@link #decode} for {@code skipSpecialTokens}. */
  public IncrementalDecoder decoder(boolean skipSpecialTokens) {
    return IncrementalDecoder.of(this, vocabulary, skipSpecialTokens);
  }

  /**
   * One more than the highest token id, added tokens included; a model's embedding may have more
   * rows.
   */
  public int vocabularySize() {
    return vocabulary.size();
  }

  /** The id of a token as the file spells it, for example {@code "<|im_end|>"}. */
  public OptionalInt tokenId(String token) {
    return vocabulary.id(token);
  }

  /** The token of an id as the file spells it, which need not be the text it decodes to. */
  public Optional<String> tokenText(int id) {
    return vocabulary.text(id);
  }

  /**
   * Whether the file marks the token as special (left out when decoding with {@code
   * skipSpecialTokens}).
   */
  public boolean isSpecial(int id) {
    return vocabulary.isSpecial(id);
  }

  /** The id of the {@code bos_token} of {@code tokenizer_config.json}. */
  public OptionalInt bosId() {
    return config.bosToken().map(vocabulary::id).orElse(OptionalInt.empty());
  }

  /** The id of the {@code eos_token} of {@code tokenizer_config.json}. */
  public OptionalInt eosId() {
    return config.eosToken().map(vocabulary::id).orElse(OptionalInt.empty());
  }

  /** What {@code tokenizer_config.json} says; empty where there is none. */
  public TokenizerConfig config() {
    return config;
  }

  /** Frees the native tokenizer once the calls in progress are done. Closing twice is allowed. */
  @Override
  public void close() {
    Lock write = lock.writeLock();
    write.lock();
    try {
      if (handle != 0) {
        library.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      write.unlock();
    }
  }

  static void requireId(int id) {
    if (id < 0) {
      throw new IllegalArgumentException("token ids are not negative, found " + id);
    }
  }

  private <T> T withHandle(LongFunction<T> call) {
    Lock read = lock.readLock();
    read.lock();
    try {
      if (handle == 0) {
        throw new IllegalStateException("the tokenizer is closed");
      }
      return call.apply(handle);
    } finally {
      read.unlock();
    }
  }

  private void requireLength(String text) {
    long bytes = Surrogates.utf8Length(text);
    if (bytes > options.maxTextBytes()) {
      throw new IllegalArgumentException(
          "the text has %d bytes of UTF-8, the limit is %d; shorten it or raise the limit"
              .formatted(bytes, options.maxTextBytes()));
    }
  }
}
