package dev.consilium.cli.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.cli.cluster.ClassCaches.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClassCachesTest {

  private static final Instant BUILT = Instant.parse("2026-01-01T12:00:00Z");

  @TempDir private Path distribution;
  private Installation installation;

  @BeforeEach
  void makeDistribution() throws IOException {
    installation = new Installation(distribution, Path.of("java"));
    file("lib/a.jar", BUILT);
    file("gateway/quarkus-run.jar", BUILT);
    file("caches/router.jsa", BUILT.plusSeconds(10));
  }

  @Test
  void options_cacheNewerThanJars_isUsed() throws IOException {
    file("caches/made", BUILT.plusSeconds(10));
    assertThat(ClassCaches.of(installation).options(Kind.ROUTER, true))
        .containsExactly("-XX:SharedArchiveFile=" + distribution.resolve("caches/router.jsa"));
    assertThat(ClassCaches.of(installation).options(Kind.GATEWAY, true))
        .as("was not made")
        .isEmpty();
  }

  @Test
  void options_oneJarNewer_isNotUsed() throws IOException {
    file("caches/made", BUILT.plusSeconds(10));
    file("gateway/lib/new.jar", BUILT.plusSeconds(20));
    assertThat(ClassCaches.of(installation).options(Kind.ROUTER, true)).isEmpty();
  }

  @Test
  void options_notComplete_isNotUsed() {
    assertThat(ClassCaches.of(installation).options(Kind.ROUTER, true)).isEmpty();
  }

  @Test
  void options_writing_onlyTheFirstOfAKindWrites() throws IOException {
    file("caches/made", BUILT.plusSeconds(10));
    ClassCaches writing = ClassCaches.writing(installation);
    assertThat(writing.options(Kind.EXPERT_NODE, true))
        .containsExactly(
            "-XX:ArchiveClassesAtExit=" + distribution.resolve("caches/expert-node.jsa"));
    assertThat(writing.options(Kind.EXPERT_NODE, false)).isEmpty();
    assertThat(distribution.resolve("caches/made"))
        .as("old caches are void from here on")
        .doesNotExist();
  }

  private void file(String name, Instant time) throws IOException {
    Path file = distribution.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, name);
    Files.setLastModifiedTime(file, FileTime.from(time));
    // A directory's time is that of its last new entry: set it as the build's clock would have.
    Files.setLastModifiedTime(file.getParent(), FileTime.from(time));
    Files.setLastModifiedTime(
        distribution.resolve(name.substring(0, name.indexOf('/'))), FileTime.from(time));
  }
}
