package dev.consilium.model.gguf;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/** One open file: its header in memory. A model may have several, see {@link GgufModel}. */
public final class GgufFile implements AutoCloseable {

  private final Path path;
  private final FileChannel channel;
  private final GgufHeader header;

  private GgufFile(Path path, FileChannel channel, GgufHeader header) {
    this.path = path;
    this.channel = channel;
    this.header = header;
  }

  /**
   * Opens a file and checks its header.
   *
   * @param memory of the model that it is part of
   * @throws GgufException if it is no GGUF file that we read, or is damaged
   */
  static GgufFile open(Path path, GgufMemory memory) {
    if (!Files.isRegularFile(path)) {
      throw new GgufException(
          path, Files.exists(path) ? "is not a regular file" : "does not exist");
    }
    FileChannel channel;
    try {
      channel = FileChannel.open(path, StandardOpenOption.READ);
    } catch (IOException e) {
      throw new GgufException(path, "cannot be opened: " + e, e);
    }
    try {
      return new GgufFile(path, channel, GgufHeader.read(path, channel, memory));
    } catch (RuntimeException | Error e) {
      close(path, channel);
      throw e;
    }
  }

  public Path path() {
    return path;
  }

  /** For reading at positions; not to be closed. */
  public FileChannel channel() {
    return channel;
  }

  public GgufMetadata metadata() {
    return new GgufMetadata(path, channel, header.metadata());
  }

  /** By name, in the file's order. */
  public Map<String, GgufTensor> tensors() {
    return header.tensors();
  }

  @Override
  public void close() {
    close(path, channel);
  }

  private static void close(Path path, FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new GgufException(path, "cannot be closed: " + e, e);
    }
  }
}
