package dev.consilium.cli.cluster;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where the packaged programs lie.
 *
 * @param distribution holds {@code lib}, {@code gateway}, {@code jvm.args} and {@code light.args}
 * @param java the JVM's executable; the one that runs the command line
 */
public record Installation(Path distribution, Path java) {

  private static final String ROOT_PROPERTY = "consilium.root";

  /**
   * The installation that this class was loaded from, or, where it was not loaded from a jar, the
   * one that the build made.
   *
   * @throws ClusterException if there is none
   */
  public static Installation locate() {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    return Stream.concat(besideOurJar().stream(), root().map(Installation::builtIn).stream())
        .filter(directory -> Files.isRegularFile(directory.resolve("jvm.args")))
        .findFirst()
        .map(directory -> new Installation(directory, java))
        .orElseThrow(() ->
            new ClusterException(
                "the packaged programs were not found beside the command line: build them with ./mvnw package, or"
                    + " start ./consilium, which does"));
  }

  /** The demo model, in the project or packed beside the programs. */
  public static Path demoModel() {
    List<Path> places =
        Stream.concat(root().stream(), besideOurJar().stream())
            .map(directory -> directory.resolve("models").resolve("demo"))
            .toList();
    return places.stream()
        .filter(Files::isDirectory)
        .findFirst()
        .orElseThrow(() ->
            new ClusterException(
                "the demo model was not found, looked at "
                    + places
                    + ": name a model directory with --model"));
  }

  /** Arguments of the JVMs that compute. */
  Path jvmArguments() {
    return distribution.resolve("jvm.args");
  }

  /** Arguments of the JVMs that compute nothing. */
  Path lightArguments() {
    return distribution.resolve("light.args");
  }

  /** Class path of the router, the expert node and the command line. */
  String classPath() {
    return distribution.resolve("lib").resolve("*").toString();
  }

  Path gatewayJar() {
    return distribution.resolve("gateway").resolve("quarkus-run.jar");
  }

  /** Where the class caches lie, if they have been made. */
  public Path caches() {
    return distribution.resolve("caches");
  }

  /** The command line of a process that runs a command which computes a model by itself. */
  public List<String> computing(ClassCaches caches, String mainClass, List<String> arguments) {
    List<String> command = new ArrayList<>(List.of(java.toString(), "@" + jvmArguments()));
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xlog:cds=off"));
    command.addAll(caches.options(ClassCaches.Kind.LOCAL, true));
    root().ifPresent(root -> command.add("-D" + ROOT_PROPERTY + "=" + root));
    command.addAll(List.of("-cp", classPath(), mainClass));
    command.addAll(arguments);
    return command;
  }

  private static Path builtIn(Path root) {
    return root.resolve("cli").resolve("target").resolve("dist");
  }

  private static Optional<Path> root() {
    return Optional.ofNullable(System.getProperty(ROOT_PROPERTY)).map(Path::of);
  }

  private static Optional<Path> besideOurJar() {
    try {
      Path code =
          Path.of(Installation.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      Path lib = code.getParent();
      return Files.isRegularFile(code) && lib != null
          ? Optional.ofNullable(lib.getParent())
          : Optional.empty();
    } catch (URISyntaxException notAPath) {
      throw new ClusterException(
          "cannot tell where the command line was loaded from: " + notAPath.getMessage(), notAPath);
    }
  }
}
