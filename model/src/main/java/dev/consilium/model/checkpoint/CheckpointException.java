package dev.consilium.model.checkpoint;

import java.nio.file.Path;
import java.util.List;

/**
 * A file of a checkpoint is missing, unreadable, damaged, contradicts another, or is of a kind that
 * is not supported.
 */
public final class CheckpointException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public CheckpointException(Path file, String problem) {
    super(file + ": " + printable(problem));
  }

  public CheckpointException(Path file, String problem, Throwable cause) {
    super(file + ": " + printable(problem), cause);
  }

  /** A tensor that the specification needs is not there. */
  static CheckpointException missing(Path model, String tensor, List<Long> shape) {
    return new CheckpointException(
        model,
        "no weight file holds tensor %s of shape %s, which the configuration asks for"
            .formatted(tensor, shape));
  }

  /** Names come from the file; they must not move the cursor of whoever reads the message. */
  private static String printable(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }
}
