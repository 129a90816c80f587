package dev.consilium.model.checkpoint;

import com.sun.management.OperatingSystemMXBean;
import dev.consilium.model.gguf.GgufException;
import dev.consilium.model.gguf.GgufModel;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;

/** Has the system read files before their bytes are asked for. */
final class PageCache {
  private static final Path NOWHERE = Path.of("/dev/null");

  /** What stays of the machine's memory is for the weights themselves. */
  private static final int MOST_PARTS = 4;

  private PageCache() {}

  /**
   * Reads a model's weights, at most a quarter of the machine's memory, without a copy. It is no
   * fault here if they cannot be read: who opens the model says why.
   *
   * @param model as for {@link Checkpoint#open}
   * @return how many bytes were read
   */
  static long fill(Path model) {
    return fill(model, memory() / MOST_PARTS);
  }

  static long fill(Path model, long most) {
    long sum = 0;
    try (FileChannel nowhere = FileChannel.open(NOWHERE, StandardOpenOption.WRITE)) {
      for (Path file : weights(model)) {
        sum += read(file, most - sum, nowhere);
      }
    } catch (IOException | CheckpointException | GgufException unreadable) {
      System.getLogger(PageCache.class.getName())
          .log(System.Logger.Level.DEBUG, "nothing is read ahead of " + model, unreadable);
    }
    return sum;
  }

  private static List<Path> weights(Path model) {
    Optional<Path> gguf = GgufModel.find(model);
    return gguf.isPresent() ? GgufModel.files(gguf.get()) : WeightFiles.paths(model);
  }

  private static long read(Path file, long most, FileChannel nowhere) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long bytes = Math.min(channel.size(), most);
      long read = 0;
      for (long step = 1; step > 0; read += step) {
        step = channel.transferTo(read, bytes - read, nowhere);
      }
      return read;
    }
  }

  private static long memory() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getTotalMemorySize();
  }
}
