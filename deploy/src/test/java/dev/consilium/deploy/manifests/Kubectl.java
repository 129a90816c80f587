package dev.consilium.deploy.manifests;

import dev.consilium.deploy.ProjectFiles;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The kubectl of this machine, kept away from any cluster that its user has: an empty home
 * directory, no kubeconfig.
 *
 * @param program where it is
 * @param home a directory for its cache and output
 */
record Kubectl(Path program, Path home) {

  private static final int LIMIT_SECONDS = 120;

  /** How a run ended. */
  record Outcome(int status, String output, String errors) {}

  /** The first one on the PATH. */
  static Optional<Path> find() {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
    return List.of(path.split(File.pathSeparator)).stream()
        .map(directory -> Path.of(directory, "kubectl"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Runs it in {@code deploy/kubernetes}. */
  Outcome run(List<String> arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(arguments);
    Path output = home.resolve("output");
    Path errors = home.resolve("errors");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(ProjectFiles.path("deploy/kubernetes").toFile())
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile());
    builder.environment().put("HOME", home.toString());
    builder.environment().put("KUBECONFIG", home.resolve("no-kubeconfig").toString());
    Process process = builder.start();
    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new IOException(command + " did not end within " + LIMIT_SECONDS + " s");
    }
    return new Outcome(process.exitValue(), Files.readString(output), Files.readString(errors));
  }
}
