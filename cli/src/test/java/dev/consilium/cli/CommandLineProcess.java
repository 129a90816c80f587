package dev.consilium.cli;

import dev.consilium.testkit.Fixtures;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The packaged command line as a process of its own, as the launcher starts it. */
final class CommandLineProcess implements AutoCloseable {

  static final long LIMIT_SECONDS = 240;

  private final Process process;
  private final BufferedReader output;
  private final Path errors;

  private CommandLineProcess(Process process, Path errors) {
    this.process = process;
    this.output = process.inputReader(StandardCharsets.UTF_8);
    this.errors = errors;
  }

  /** What a command printed, and how it ended. */
  record Ended(int status, String output, String errors) {
    /** Lines of ours on standard error; the JVM has one too, about the vector module. */
    List<String> complaints() {
      return errors.lines().filter(line -> !line.startsWith("WARNING: Using incubator")).toList();
    }
  }

  static CommandLineProcess start(String... arguments) {
    Path dist = Fixtures.root().resolve("cli/target/dist");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("@" + dist.resolve("jvm.args"));
    command.add("-Dconsilium.root=" + Fixtures.root());
    command.addAll(List.of("-cp", dist.resolve("lib") + "/*", ConsiliumMain.class.getName()));
    command.addAll(List.of(arguments));
    try {
      Path errors = Files.createTempFile("consilium-it-", ".err");
      Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
      return new CommandLineProcess(process, errors);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  /** Runs a command to its end. */
  static Ended run(String... arguments) throws InterruptedException {
    try (CommandLineProcess command = start(arguments)) {
      return command.end();
    }
  }

  ProcessHandle handle() {
    return process.toHandle();
  }

  /** Reads lines up to the first that begins so, and returns what follows in it. */
  String readUntil(String beginning) throws IOException {
    List<String> before = new ArrayList<>();
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      if (line.startsWith(beginning)) {
        return line.substring(beginning.length()).strip();
      }
      before.add(line);
    }
    throw new AssertionError(
        "no line begins with \""
            + beginning
            + "\" in "
            + before
            + "; errors: "
            + Files.readString(errors));
  }

  /** Asks it to stop, as Ctrl-C and service managers do. */
  Ended stop() throws InterruptedException {
    process.toHandle().destroy();
    return end();
  }

  Ended end() throws InterruptedException {
    try {
      StringBuilder text = new StringBuilder();
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        text.append(line).append('\n');
      }
      if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError(
            "the command did not end within " + LIMIT_SECONDS + " s; so far: " + text);
      }
      return new Ended(process.exitValue(), text.toString(), Files.readString(errors));
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  @Override
  public void close() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    try {
      Files.deleteIfExists(errors);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
