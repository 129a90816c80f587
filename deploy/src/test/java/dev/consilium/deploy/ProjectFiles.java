package dev.consilium.deploy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files of the project by their path from its root. */
public final class ProjectFiles {

  private ProjectFiles() {}

  /**
   * The root of the checkout: from the build, or found upwards from where a development tool
   * started the test.
   */
  public static Path root() {
    String fromBuild = System.getProperty("consilium.root", "");
    if (!fromBuild.isEmpty()) {
      return Path.of(fromBuild);
    }
    Path directory = Path.of("").toAbsolutePath();
    while (!Files.exists(directory.resolve("mvnw"))) {
      Path parent = directory.getParent();
      if (parent == null) {
        throw new IllegalStateException(
            "no mvnw above " + Path.of("").toAbsolutePath() + ": run the test inside the project");
      }
      directory = parent;
    }
    return directory;
  }

  public static Path path(String fromRoot) {
    return root().resolve(fromRoot);
  }

  public static String text(String fromRoot) {
    try {
      return Files.readString(path(fromRoot));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
