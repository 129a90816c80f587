package dev.consilium.model.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.HashMap;
import java.util.Map;

/** The files that one use reads, each opened once. One thread. */
final class OpenFiles implements AutoCloseable {

  private final Map<UnchangedFile, FileChannel> channels = new HashMap<>();

  /**
   * For reading at positions.
   *
   * @throws CheckpointException if it is another file than before, or cannot be opened
   */
  FileChannel channel(UnchangedFile file) {
    return channels.computeIfAbsent(file, OpenFiles::open);
  }

  private static FileChannel open(UnchangedFile file) {
    try {
      return file.open();
    } catch (IOException e) {
      throw new CheckpointException(file.path(), "cannot be opened: " + e, e);
    }
  }

  @Override
  public void close() {
    channels.forEach((file, channel) -> {
      try {
        channel.close();
      } catch (IOException e) {
        throw new CheckpointException(file.path(), "cannot be closed: " + e, e);
      }
    });
  }
}
