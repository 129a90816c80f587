package dev.consilium.model.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Optional;

/**
 * A file that is opened again for every use and must not have changed since it was first looked at.
 *
 * <p>No channel is kept, because an interrupt of one reading thread closes a channel for all, and a
 * node would not be able to load experts any more.
 */
final class UnchangedFile {

  private final Path path;
  private final Identity identity;

  /** What tells a file from one that took its place. */
  private record Identity(Optional<Object> key, long size, FileTime modified) {
    static Identity of(Path path) throws IOException {
      BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
      return new Identity(
          Optional.ofNullable(attributes.fileKey()),
          attributes.size(),
          attributes.lastModifiedTime());
    }

    /** What a record's own comparison gives, which takes milliseconds to be made. */
    boolean same(Identity other) {
      return size == other.size && modified.equals(other.modified) && key.equals(other.key);
    }
  }

  private UnchangedFile(Path path, Identity identity) {
    this.path = path;
    this.identity = identity;
  }

  /**
   * Remembers what the file is now.
   *
   * @throws CheckpointException if there is no regular file
   */
  static UnchangedFile of(Path path) {
    requireRegular(path);
    try {
      return new UnchangedFile(path, Identity.of(path));
    } catch (IOException e) {
      throw new CheckpointException(path, "cannot be read: " + e, e);
    }
  }

  /** Refuses what is not a file before it is opened: opening a pipe would wait for a writer. */
  static void requireRegular(Path file) {
    if (Files.isDirectory(file)) {
      throw new CheckpointException(file, "is a directory, want a file");
    }
    if (!Files.exists(file)) {
      throw new CheckpointException(file, "does not exist");
    }
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(file, "is not a regular file");
    }
  }

  Path path() {
    return path;
  }

  /**
   * Opens the file for reading; the caller closes it.
   *
   * @throws CheckpointException if it is another file than before
   */
  FileChannel open() throws IOException {
    Identity now = Identity.of(path);
    if (!now.same(identity)) {
      throw new CheckpointException(
          path,
          "was changed after it was opened (%d bytes of %s, then %d of %s): restart to serve what is there now"
              .formatted(identity.size(), identity.modified(), now.size(), now.modified()));
    }
    return FileChannel.open(path, StandardOpenOption.READ);
  }
}
