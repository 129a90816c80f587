package dev.consilium.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The logs of a cluster's processes. */
final class LogFiles {

  private static final Pattern COMPLAINT =
      Pattern.compile("\\b(WARN|WARNING|ERROR|SEVERE|Exception)\\b");
  // The JVM says so of every program that uses the vector module.
  private static final String INCUBATOR = "WARNING: Using incubator modules: jdk.incubator.vector";

  private LogFiles() {}

  /**
   * Lines that somebody should look at, with the name of their file; a healthy cluster has none.
   */
  static List<String> complaints(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().flatMap(LogFiles::complaintsOf).toList();
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  private static Stream<String> complaintsOf(Path file) {
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> !line.equals(INCUBATOR) && COMPLAINT.matcher(line).find())
          .map(line -> file.getFileName() + ": " + line);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
