package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher in a project of its own, in a directory with a space, with a build that a few lines
 * of shell pretend.
 */
class LauncherIT {

  @TempDir private Path directory;
  private Path root;

  @BeforeEach
  void copyLauncher() throws IOException {
    root = Files.createDirectory(directory.resolve("a project"));
    Files.copy(Fixtures.root().resolve("consilium"), root.resolve("consilium"));
    Files.createDirectory(root.resolve(".mvn"));
    Files.copy(Fixtures.root().resolve(".mvn/find-jdk.sh"), root.resolve(".mvn/find-jdk.sh"));
    Files.writeString(root.resolve("pom.xml"), "<project/>");
    Files.createDirectory(root.resolve("cli"));
    build(
        "echo begun >>built",
        "sleep 1",
        "mkdir -p cli/target/dist/lib cli/target/dist/gateway cli/target/dist/caches",
        "ln -sf '" + Fixtures.root() + "'/cli/target/dist/lib/*.jar cli/target/dist/lib/",
        "cp '" + Fixtures.root() + "'/cli/target/dist/*.args cli/target/dist/",
        "touch cli/target/dist/caches/made",
        "echo ended >>built");
  }

  @Test
  void launcher_throughALinkFromElsewhere_buildsOnceAndRuns() throws Exception {
    Path link = Files.createSymbolicLink(directory.resolve("link"), root.resolve("consilium"));
    Result first = launch(link);
    assertThat(first.status()).as(first.output()).isZero();
    assertThat(first.output()).contains("Building Consilium").contains("consilium 0.1.0");

    Result second = launch(link);
    assertThat(second.output()).doesNotContain("Building").contains("consilium 0.1.0");
    assertThat(root.resolve("built")).hasContent("begun\nended");
  }

  @Test
  void launcher_sourceChanged_buildsAgain() throws Exception {
    launch(root.resolve("consilium"));
    Path source = Files.createDirectories(root.resolve("model/src/main/java")).resolve("New.java");
    Files.writeString(source, "class New {}");
    assertThat(launch(root.resolve("consilium")).output()).contains("Building Consilium");
  }

  @Test
  void launcher_twoAtOnce_onlyOneBuilds() throws Exception {
    Process one = started(root.resolve("consilium"));
    Process other = started(root.resolve("consilium"));
    assertThat(ended(one).output()).contains("consilium 0.1.0");
    assertThat(ended(other).output()).contains("consilium 0.1.0");
    assertThat(root.resolve("built")).hasContent("begun\nended");
  }

  @Test
  void launcher_buildFails_showsWhyAndWhereTheLogIs() throws Exception {
    build("echo '[INFO] resting'", "echo '[ERROR] the compiler is unhappy'", "exit 1");
    Result result = launch(root.resolve("consilium"));
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.output())
        .contains("[ERROR] the compiler is unhappy")
        .doesNotContain("resting")
        .contains("cli/target/build.log");
    assertThat(root.resolve("cli/target/.building")).doesNotExist();
  }

  @Test
  void launcher_noJdk_saysInOneLineWhatWasLookedFor() throws Exception {
    // A version that nobody has, because the places where systems keep theirs cannot be hidden.
    Path finder = root.resolve(".mvn/find-jdk.sh");
    Files.writeString(
        finder, Files.readString(finder).replace("consilium_wanted=25", "consilium_wanted=99"));
    Result result = launch(root.resolve("consilium"));
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.output().lines())
        .singleElement()
        .asString()
        .contains("No JDK 99 found")
        .contains("JAVA_HOME")
        .contains("https://adoptium.net");
  }

  private record Result(int status, String output) {}

  private void build(String... lines) throws IOException {
    Path script = root.resolve("mvnw");
    Files.write(script, Stream.concat(Stream.of("#!/bin/sh"), Stream.of(lines)).toList());
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private Result launch(Path launcher) throws Exception {
    return ended(started(launcher));
  }

  private Process started(Path launcher) throws IOException {
    return new ProcessBuilder(List.of(launcher.toString(), "--version"))
        .directory(directory.toFile())
        .redirectErrorStream(true)
        .start();
  }

  private static Result ended(Process process) throws Exception {
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(CommandLineProcess.LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
    return new Result(process.exitValue(), withoutTheJvmsOwn(output));
  }

  private static String withoutTheJvmsOwn(String output) {
    return output.replace("WARNING: Using incubator modules: jdk.incubator.vector\n", "");
  }
}
