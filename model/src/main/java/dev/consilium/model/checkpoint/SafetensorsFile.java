package dev.consilium.model.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;

/** An open safetensors file: its header in memory, its tensors mapped while they are used. */
public final class SafetensorsFile implements AutoCloseable {

  private final UnchangedFile file;
  private final SortedMap<String, SafetensorsHeader.Entry> entries;
  private volatile boolean closed;

  private SafetensorsFile(UnchangedFile file, SortedMap<String, SafetensorsHeader.Entry> entries) {
    this.file = file;
    this.entries = entries;
  }

  /**
   * Opens a file and checks its header, not its values.
   *
   * @throws CheckpointException if it is no safetensors file or is damaged
   */
  public static SafetensorsFile open(Path path) {
    UnchangedFile file = UnchangedFile.of(path);
    try (FileChannel channel = file.open()) {
      return new SafetensorsFile(file, SafetensorsHeader.read(path, channel));
    } catch (IOException e) {
      throw new CheckpointException(path, "cannot be read: " + e, e);
    }
  }

  public Path path() {
    return file.path();
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
    if (closed) {
      throw new IllegalStateException(path() + " is closed");
    }
    SafetensorsHeader.Entry entry = entries.get(name);
    if (entry == null) {
      throw new CheckpointException(
          path(), "has no tensor %s among its %d".formatted(name, entries.size()));
    }
    return new CheckpointTensor(file, entry);
  }

  /** Hands out no more tensors. Nothing stays open between uses, so there is nothing to free. */
  @Override
  public void close() {
    closed = true;
  }
}
