package dev.consilium.serving;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Says of a file that could not be written what is missing and what to do. */
public final class WriteFailure {

  private WriteFailure() {}

  /**
   * Words for people; those of the exceptions are their class and a path.
   *
   * @param file that was to be written, or made anew beside itself
   */
  public static String words(Path file, IOException failure) {
    return "cannot write %s: %s".formatted(file, reason(directory(file), failure));
  }

  private static String reason(Path directory, IOException failure) {
    return switch (failure) {
      case NoSuchFileException _ when !Files.isDirectory(directory) ->
          "there is no directory %s: make it first".formatted(directory);
      case NoSuchFileException gone -> "%s was removed meanwhile".formatted(gone.getFile());
      case AccessDeniedException _ ->
          "no permission to make files in %s: choose another directory or change its permissions"
              .formatted(directory);
      case FileSystemException other when other.getReason() != null -> other.getReason();
      default -> String.valueOf(failure.getMessage());
    };
  }

  private static Path directory(Path file) {
    Path whole = file.toAbsolutePath();
    Path parent = whole.getParent();
    return parent == null ? whole : parent;
  }
}
