package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.tokenizer.TokenizerConfig;
import dev.consilium.model.tokenizer.TokenizerException;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files with a few bytes changed, cut, doubled or exchanged open as the model that they were or are
 * refused; nothing else happens, and no file makes us allocate more than a multiple of its size.
 */
class GgufFuzzPropertyTest {

  private static final int FILES = 10_000;
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

  @Test
  @Timeout(120)
  void open_mutatedFiles_areReadOrRefused() throws IOException {
    byte[] good = converted();
    byte[] header = Arrays.copyOf(good, header(good));
    SplittableRandom random = new SplittableRandom(SEED);
    Path file = directory.resolve("mutated.gguf");
    Files.write(file, good);
    Map<Boolean, Integer> outcomes = new HashMap<>();
    for (int i = 0; i < FILES; i++) {
      overwrite(file, mutated(header, random), random, good.length);
      long before = allocated();
      boolean opened = opens(file, i);
      assertThat(allocated() - before).as("bytes allocated for file %d", i).isLessThan(MOST_BYTES);
      outcomes.merge(opened, 1, Integer::sum);
    }
    // Both happen often, or the mutations are of no use.
    assertThat(outcomes.getOrDefault(true, 0)).isGreaterThan(FILES / 100);
    assertThat(outcomes.getOrDefault(false, 0)).isGreaterThan(FILES / 2);
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

  private static boolean opens(Path file, int index) {
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      // Whatever it opened as, everything that it has can be read.
      assertThat(checkpoint.fingerprint()).as("file %d", index).hasSize(64);
      checkpoint.vector(checkpoint.spec().names().finalNorm(), checkpoint.spec().hiddenSize());
      TokenizerConfig.load(file);
      return true;
    } catch (CheckpointException | TokenizerException refused) {
      assertThat(refused).as("file %d", index).hasMessageContaining("mutated.gguf");
      return false;
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

  private static byte[] mutated(byte[] good, SplittableRandom random) {
    byte[] bytes = good.clone();
    int changes = random.nextInt(4) == 0 ? 3 : 1;
    for (int i = 0; i < changes; i++) {
      bytes = changed(bytes, random);
    }
    return bytes;
  }

  private static byte[] changed(byte[] bytes, SplittableRandom random) {
    int header = bytes.length;
    int at = random.nextInt(header - 8);
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

  private byte[] converted() throws IOException {
    Path file = directory.resolve("good.gguf");
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("qwen3-moe-rope-parameters"))) {
      new GgufConversion(checkpoint, Quantisation.BF16).write(file, GgufConversion.Progress.NONE);
    }
    return Files.readAllBytes(file);
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
