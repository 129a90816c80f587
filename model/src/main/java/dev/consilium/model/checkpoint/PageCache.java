package dev.consilium.model.checkpoint;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;

/** Has the system read files before their bytes are asked for. */
final class PageCache {
  private static final Path NOWHERE = Path.of("/dev/null");

  /** Of the memory there is, so that reading ahead drops no page before it is used. */
  private static final int MOST_PARTS = 4;

  private PageCache() {}

  /**
   * Reads a model's weights, at most a quarter of the machine's memory, without a copy. It is no
   * fault here if they cannot be read: who opens the model says why.
   *
   * @param model a file, or a directory with weights in safetensors or GGUF
   * @return how many bytes were read
   */
  static long fill(Path model) {
    long sum = 0;
    try (FileChannel nowhere = FileChannel.open(NOWHERE, StandardOpenOption.WRITE)) {
      long most = memory() / MOST_PARTS;
      for (Path file : weights(model)) {
        sum += fill(file, most - sum, nowhere);
      }
    } catch (IOException | UncheckedIOException unreadable) {
      System.getLogger(PageCache.class.getName())
          .log(System.Logger.Level.DEBUG, "nothing is read ahead of " + model, unreadable);
    }
    return sum;
  }

  private static List<Path> weights(Path model) throws IOException {
    if (!Files.isDirectory(model)) {
      return Files.isRegularFile(model) ? List.of(model) : List.of();
    }
    try (Stream<Path> entries = Files.list(model)) {
      return entries
          .filter(entry -> entry.toString().matches(".*\\.(safetensors|gguf)"))
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    }
  }

  private static long fill(Path file, long most, FileChannel nowhere) throws IOException {
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
