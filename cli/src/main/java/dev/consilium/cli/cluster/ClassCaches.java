package dev.consilium.cli.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The JDK's caches of classes, one for each kind of process, as recorded in a training run. They
 * halve the time to start.
 *
 * <p>Processes that compute nothing have an ahead-of-time cache (JEP 483, 514, 515): classes loaded
 * and linked, and how often their methods ran. With an incubating module, which the vectors are,
 * the JVM links nothing ahead, and then keeps no lambdas and method handles in such a cache; so
 * those that compute have an archive of class data (JEP 350), which keeps them: 300 classes to make
 * at a start instead of 1,300.
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

  /** Processes that share a cache. */
  enum Kind {
    ROUTER("router.jsa"),
    EXPERT_NODE("expert-node.jsa"),
    /** Those that compute a model by themselves. */
    LOCAL("local.jsa"),
    GATEWAY("gateway.aot");

    private final String file;

    Kind(String file) {
      this.file = file;
    }

    private String reading() {
      return file.endsWith(".aot") ? "-XX:AOTCache=" : "-XX:SharedArchiveFile=";
    }

    private String writing() {
      return file.endsWith(".aot") ? "-XX:AOTCacheOutput=" : "-XX:ArchiveClassesAtExit=";
    }
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
   * @param first whether it is the first process of its kind; the others do not write
   */
  List<String> options(Kind kind, boolean first) {
    Path cache = directory.resolve(kind.file);
    return switch (use) {
      case IGNORE -> List.of();
      case READ -> Files.isRegularFile(cache) ? List.of(kind.reading() + cache) : List.of();
      case WRITE -> first ? List.of(kind.writing() + cache) : List.of();
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
