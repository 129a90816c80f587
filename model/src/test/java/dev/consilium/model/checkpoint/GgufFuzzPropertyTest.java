package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.expert.ExpertBank;
import dev.consilium.model.expert.ExpertComputation;
import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.model.gguf.GgufFile;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufModel;
import dev.consilium.model.gguf.GgufTensor;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.tokenizer.Tokenizer;
import dev.consilium.model.tokenizer.TokenizerConfig;
import dev.consilium.model.tokenizer.TokenizerException;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Files with a few bytes changed, cut, doubled or exchanged open as some model, which computes or
 * tokenizes, or are refused; nothing else happens, and no file makes us allocate more than a
 * multiple of its size.
 */
class GgufFuzzPropertyTest {

  /** What is in a file; together 10,000 files. */
  enum Kind {
    FLOATS(2000, Quantisation.BF16, false),
    BLOCKS(2000, Quantisation.Q4_0, false),
    BYTE_LEVEL_TOKENS(3000, Quantisation.Q8_0, true),
    SCORED_TOKENS(3000, Quantisation.MXFP4, true);

    final int files;
    final Quantisation type;
    final boolean tokenizes;

    Kind(int files, Quantisation type, boolean tokenizes) {
      this.files = files;
      this.type = type;
      this.tokenizes = tokenizes;
    }
  }

  private static final long SEED = 20_261_122;

  /** Numbers that readers trip over. */
  private static final long[] EVIL = {
    0,
    1,
    255,
    0x7fff_ffffL,
    0x8000_0000L,
    0xffff_ffffL,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    -1,
    1L << 40
  };

  /**
   * Of one opening; a file has some 100 kB here, and reading one allocates that a few times over.
   */
  private static final long MOST_BYTES = 64 << 20;

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource
  @Timeout(120)
  void open_mutatedFiles_areReadOrRefused(Kind kind) throws IOException {
    byte[] good = good(kind);
    byte[] header = Arrays.copyOf(good, header(good));
    Range range = metadata(header, kind.tokenizes ? "tokenizer." : "general.");
    SplittableRandom random = new SplittableRandom(SEED);
    Path file = directory.resolve("mutated.gguf");
    Files.write(file, good);
    Map<Boolean, Integer> outcomes = new HashMap<>();
    try (CpuDevice device = new CpuDevice(1)) {
      Use use = new Use(kind, new ExpertComputation(device), file);
      assertThat(use.works(0)).isTrue();
      for (int i = 0; i < kind.files; i++) {
        overwrite(file, mutated(header, range, random), random, good.length);
        long before = allocated();
        boolean works = use.works(i);
        assertThat(allocated() - before)
            .as("bytes allocated for file %d", i)
            .isLessThan(MOST_BYTES);
        outcomes.merge(works, 1, Integer::sum);
      }
    }
    // Both happen often, or the mutations are of no use.
    assertThat(outcomes.getOrDefault(true, 0)).isGreaterThan(kind.files / 100);
    assertThat(outcomes.getOrDefault(false, 0)).isGreaterThan(kind.files / 4);
  }

  /** The most layers and experts that a header may state, and no tensor: 700 bytes. */
  @Test
  @Timeout(120)
  void open_headerOfMillionsOfExperts_endsAtTheFirstThatIsMissing() throws IOException {
    GgufMetadataBuilder metadata =
        new GgufMetadataBuilder().text("general.architecture", "qwen3moe");
    Map.of(
            "block_count", 4096,
            "context_length", 512,
            "embedding_length", 64,
            "vocab_size", 320,
            "expert_count", 16_384,
            "expert_used_count", 2,
            "expert_feed_forward_length", 32,
            "attention.head_count", 4,
            "attention.key_length", 16,
            "attention.value_length", 16)
        .forEach((key, value) -> metadata.whole("qwen3moe." + key, value));
    metadata.real("qwen3moe.attention.layer_norm_rms_epsilon", 1e-6);
    Path file = directory.resolve("empty.gguf");
    new GgufWriter(file, metadata, List.of()).write((tensor, sink) -> {});
    long before = allocated();
    assertThatThrownBy(() -> Checkpoint.open(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("no weight file holds tensor token_embd.weight of shape [320, 64]");
    assertThat(allocated() - before).isLessThan(MOST_BYTES);
  }

  /** Everything that is done with a file. */
  private record Use(Kind kind, ExpertComputation computation, Path file) {

    boolean works(int index) {
      try (Checkpoint checkpoint = Checkpoint.open(file)) {
        assertThat(checkpoint.fingerprint()).as("file %d", index).hasSize(64);
        checkpoint.vector(checkpoint.spec().names().finalNorm(), checkpoint.spec().hiddenSize());
        if (kind.tokenizes) {
          tokenize();
        } else {
          TokenizerConfig.load(file);
          compute(checkpoint);
        }
        return true;
      } catch (CheckpointException | TokenizerException refused) {
        assertThat(refused).as("file %d", index).hasMessageContaining("mutated.gguf");
        return false;
      }
    }

    /** The first expert, of a token of ones; which numbers come out depends on what was changed. */
    private void compute(Checkpoint checkpoint) {
      int layer = checkpoint.spec().expertLayers().getFirst().index();
      F32Matrix token = F32Matrix.allocate(1, checkpoint.spec().hiddenSize());
      for (int i = 0; i < token.columns(); i++) {
        token.set(0, i, 1);
      }
      try (ExpertBank bank = new ExpertBank(checkpoint)) {
        bank.load(List.of(new ExpertId(layer, 0)));
        F32Matrix result =
            computation.compute(
                bank,
                layer,
                token,
                List.of(new ExpertTokens(0, new int[] {0}, new float[] {1})),
                RoundTo.F32);
        assertThat(result.columns()).isEqualTo(token.columns());
      }
    }

    private void tokenize() throws TokenizerException {
      try (Tokenizer tokenizer = Tokenizer.load(file)) {
        int[] ids = tokenizer.encode("ab ba<|end|>\u00e9", true);
        assertThat(tokenizer.decode(ids, false)).isNotNull();
      }
    }
  }

  /** Only what may have changed is written: the header, and where the file ends. */
  private static void overwrite(Path file, byte[] header, SplittableRandom random, int size)
      throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.write(header);
      bytes.setLength(random.nextInt(7) == 0 ? random.nextInt(size) : size);
    }
  }

  /** Some bytes of a header. */
  private record Range(int begin, int end) {}

  /** Keys and values from the first key on that begins so; the tokenizer's are the last ones. */
  private Range metadata(byte[] header, String first) {
    String text = new String(header, StandardCharsets.ISO_8859_1);
    try (GgufModel model = GgufModel.open(directory.resolve("good.gguf"))) {
      String tensor = model.files().getFirst().tensors().keySet().iterator().next();
      return new Range(text.indexOf(first), text.indexOf(tensor));
    }
  }

  /** Three in four changes are in the range, as long as no bytes were taken out before. */
  private static byte[] mutated(byte[] good, Range range, SplittableRandom random) {
    byte[] bytes = good.clone();
    int changes = random.nextInt(4) == 0 ? 3 : 1;
    for (int i = 0; i < changes; i++) {
      boolean anywhere = random.nextInt(4) == 0;
      bytes =
          changed(
              bytes,
              anywhere
                  ? random.nextInt(bytes.length - 8)
                  : random.nextInt(range.begin(), Math.min(range.end(), bytes.length) - 8),
              random);
    }
    return bytes;
  }

  private static byte[] changed(byte[] bytes, int at, SplittableRandom random) {
    int header = bytes.length;
    switch (random.nextInt(6)) {
      case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> bytes[at] = (byte) random.nextInt();
      case 2 -> put(bytes, at, EVIL[random.nextInt(EVIL.length)], 8);
      case 3 -> put(bytes, at, EVIL[random.nextInt(EVIL.length)], 4);
      case 4 -> {
        int length = 1 + random.nextInt(Math.min(64, header - at));
        int from = random.nextInt(header - length);
        System.arraycopy(bytes.clone(), from, bytes, at, length);
      }
      default -> {
        int length = 1 + random.nextInt(Math.min(64, header - at));
        byte[] shorter = Arrays.copyOf(bytes, bytes.length - length);
        System.arraycopy(bytes, at + length, shorter, at, shorter.length - at);
        return shorter;
      }
    }
    return bytes;
  }

  private static void put(byte[] bytes, int at, long value, int count) {
    for (int i = 0; i < count; i++) {
      bytes[at + i] = (byte) (value >>> (8 * i));
    }
  }

  private byte[] good(Kind kind) throws IOException {
    Path converted = directory.resolve("converted.gguf");
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("qwen3-moe-rope-parameters"))) {
      new GgufConversion(checkpoint, kind.type).write(converted, GgufWriter.Progress.NONE);
    }
    Path good = directory.resolve("good.gguf");
    try (GgufModel model = GgufModel.open(converted)) {
      GgufMetadataBuilder metadata = new GgufMetadataBuilder();
      model.metadata().keys().stream()
          .filter(key -> !key.startsWith("tokenizer."))
          .forEach(key -> metadata.copy(model.metadata(), key));
      describe(kind, metadata);
      GgufFile file = model.files().getFirst();
      List<GgufWriter.Tensor> tensors =
          file.tensors().values().stream()
              .map(one -> new GgufWriter.Tensor(one.name(), one.type(), one.shape()))
              .toList();
      new GgufWriter(good, metadata, tensors)
          .write((tensor, sink) -> sink.write(bytes(file, tensor.name())));
    }
    return Files.readAllBytes(good);
  }

  private static ByteBuffer bytes(GgufFile file, String name) throws IOException {
    GgufTensor tensor = Objects.requireNonNull(file.tensors().get(name));
    ByteBuffer bytes = ByteBuffer.allocate((int) tensor.byteSize());
    file.channel().read(bytes, tensor.begin());
    return bytes.flip();
  }

  /** Bytes, some merges of them, and a token that ends a text. */
  private static void describe(Kind kind, GgufMetadataBuilder metadata) {
    if (!kind.tokenizes) {
      return;
    }
    boolean scored = kind == Kind.SCORED_TOKENS;
    List<String> texts = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      texts.add(scored ? "<0x%02X>".formatted(b) : byteCharacter(b));
    }
    List<String> merges = new ArrayList<>();
    for (char letter = 'a'; letter < 'z'; letter++) {
      if (scored) {
        texts.add(String.valueOf(letter));
      }
      texts.add("a" + letter);
      merges.add("a " + letter);
    }
    texts.add("<|end|>");
    int[] types = new int[texts.size()];
    Arrays.fill(types, 0, 256, scored ? 6 : 1);
    Arrays.fill(types, 256, types.length - 1, 1);
    types[types.length - 1] = 3;
    metadata
        .text("tokenizer.ggml.model", scored ? "llama" : "gpt2")
        .text("tokenizer.ggml.pre", scored ? "default" : "qwen2")
        .texts("tokenizer.ggml.tokens", texts)
        .wholes("tokenizer.ggml.token_type", types)
        .whole("tokenizer.ggml.eos_token_id", types.length - 1)
        .text("tokenizer.chat_template", "{{ messages[0].content }}");
    if (scored) {
      metadata.reals("tokenizer.ggml.scores", new float[types.length]);
    } else {
      metadata.texts("tokenizer.ggml.merges", merges);
    }
  }

  /** Of the characters that stand for bytes: those that print, then others. */
  private static String byteCharacter(int index) {
    return IntStream.concat(
            IntStream.concat(IntStream.range(33, 127), IntStream.range(161, 173)),
            IntStream.range(174, 324))
        .skip(index)
        .mapToObj(Character::toString)
        .findFirst()
        .orElseThrow();
  }

  /** Where the tensors' bytes begin: mutations of weights would find nothing. */
  private int header(byte[] good) {
    try (Checkpoint checkpoint = Checkpoint.open(directory.resolve("good.gguf"))) {
      List<Long> sizes = new ArrayList<>();
      checkpoint.headers().values().forEach(tensor -> sizes.add(tensor.byteSize()));
      return good.length - (int) sizes.stream().mapToLong(Long::longValue).sum();
    }
  }

  private static long allocated() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    return threads.getThreadAllocatedBytes(Thread.currentThread().threadId());
  }
}
