package dev.consilium.model.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;

/** An open safetensors file: its header in memory, its tensors mapped while they are used. */
public final class SafetensorsFile implements AutoCloseable {

  private final Path path;
  private final FileChannel channel;
  private final SortedMap<String, SafetensorsHeader.Entry> entries;

  private SafetensorsFile(
      Path path, FileChannel channel, SortedMap<String, SafetensorsHeader.Entry> entries) {
    this.path = path;
    this.channel = channel;
    this.entries = entries;
  }

  /**
   * Opens a file and checks its header, not its values.
   *
   * @throws CheckpointException if it is no safetensors file or is damaged
   */
  public static SafetensorsFile open(Path path) {
    JsonFiles.requireRegular(path);
    FileChannel channel;
    try {
      channel = FileChannel.open(path, StandardOpenOption.READ);
    } catch (IOException e) {
      throw new CheckpointException(path, "cannot be opened: " + e, e);
    }
    try {
      return new SafetensorsFile(path, channel, SafetensorsHeader.read(path, channel));
    } catch (RuntimeException e) {
      close(path, channel);
      throw e;
    }
  }

  public Path path() {
    return path;
  }

  /** The names of all tensors. */
  public SortedSet<String> names() {
    return new TreeSet<>(entries.keySet());
  }

  public boolean has(String name) {
    return entries.containsKey(name);
  }

  /**
   * One tensor; nothing is mapped yet.
   *
   * @throws CheckpointException if there is none of that name
   */
  public CheckpointTensor tensor(String name) {
    SafetensorsHeader.Entry entry = entries.get(name);
    if (entry == null) {
      throw new CheckpointException(
          path, "has no tensor %s among its %d".formatted(name, entries.size()));
    }
    return new CheckpointTensor(path, channel, entry);
  }

  @Override
  public void close() {
    close(path, channel);
  }

  private static void close(Path path, FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      throw new CheckpointException(path, "cannot be closed: " + e, e);
    }
  }
}
