package dev.consilium.model.checkpoint;

import java.nio.file.Path;

/**
 * A file of a checkpoint is missing, unreadable, damaged, contradicts another, or is of a kind that
 * is not supported.
 */
public final class CheckpointException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public CheckpointException(Path file, String problem) {
    super(file + ": " + problem);
  }

  public CheckpointException(Path file, String problem, Throwable cause) {
    super(file + ": " + problem, cause);
  }
}
