package dev.consilium.cli.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The JDK's ahead-of-time caches, one for each kind of process: classes loaded and linked, and how
 * often their methods ran, as recorded in a training run (JEP 483, 514, 515). They halve the time
 * to start.
 *
 * <p>A cache is used only if it is newer than every jar: JDK 25 does not notice that a jar has
 * changed when modules are added on its command line, and would run the old classes. A cache that
 * does not fit the JVM is ignored by it.
 */
public final class ClassCaches {

  /** Written when all caches are complete; its time is theirs. */
  private static final String MADE = "made";

  private final Path directory;
  private final Use use;

  private ClassCaches(Path directory, Use use) {
    this.directory = directory;
    this.use = use;
  }

  private enum Use {
    IGNORE,
    READ,
    WRITE
  }

  /** The installation's caches if there are any that fit, else none. */
  public static ClassCaches of(Installation installation) {
    boolean usable = isNewest(installation.caches().resolve(MADE), installation.distribution());
    return new ClassCaches(installation.caches(), usable ? Use.READ : Use.IGNORE);
  }

  /**
   * Caches that the processes started with them write when they end; {@link #finish} to be called
   * then.
   */
  public static ClassCaches writing(Installation installation) {
    try {
      Files.createDirectories(installation.caches());
      Files.deleteIfExists(installation.caches().resolve(MADE));
    } catch (IOException failed) {
      throw new ClusterException(
          "cannot write to " + installation.caches() + ": " + failed.getMessage(), failed);
    }
    return new ClassCaches(installation.caches(), Use.WRITE);
  }

  /** Declares written caches complete. */
  public void finish() {
    try {
      Files.writeString(directory.resolve(MADE), Runtime.version() + "\n");
    } catch (IOException failed) {
      throw new ClusterException(
          "cannot write to " + directory + ": " + failed.getMessage(), failed);
    }
  }

  /**
   * What the JVM of one process is given.
   *
   * @param kind which cache
   * @param first whether it is the first process of its kind; the others do not write
   */
  List<String> options(String kind, boolean first) {
    Path cache = directory.resolve(kind + ".aot");
    return switch (use) {
      case IGNORE -> List.of();
      case READ -> Files.isRegularFile(cache) ? List.of("-XX:AOTCache=" + cache) : List.of();
      case WRITE -> first ? List.of("-XX:AOTCacheOutput=" + cache) : List.of();
    };
  }

  private static boolean isNewest(Path made, Path distribution) {
    if (!Files.isRegularFile(made)) {
      return false;
    }
    long time = made.toFile().lastModified();
    return Stream.of("lib", "gateway")
        .allMatch(part -> noneNewer(distribution.resolve(part), time));
  }

  private static boolean noneNewer(Path directory, long time) {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.noneMatch(file -> file.toFile().lastModified() > time);
    } catch (IOException | UncheckedIOException unreadable) {
      // Not a reason to fail: whoever starts the programs will say what is wrong with them.
      return false;
    }
  }
}
