package dev.consilium.cli.cluster;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A process that we started and that ends with us: it watches the pipe that is its standard input,
 * whose other end is ours and closes with us however we end.
 *
 * @param name for messages, such as {@code node-1}
 * @param log where its output goes
 */
record Child(String name, Process process, Path log) {

  private static final int QUOTED_LINES = 12;
  private static final long QUOTED_BYTES = 16 * 1024;
  // Time, level, logger, message: as dev.consilium.serving.Logging writes lines.
  private static final Pattern LOGGED_ERROR = Pattern.compile("^[0-9]{4}-\\S+ ERROR +\\S+ (.*)$");
  private static final Pattern PORT_TAKEN =
      Pattern.compile("(?i)address already in use|seems to be in use");

  /** Starts a process. */
  static Child start(String name, List<String> command, Path directory) {
    Path log = directory.resolve(name + ".log");
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(directory.toFile())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      return new Child(name, process, log);
    } catch (IOException failed) {
      throw new ClusterException("cannot start " + name + ": " + failed.getMessage(), failed);
    }
  }

  boolean alive() {
    return process.isAlive();
  }

  /** Asks the process to stop; it drains first. */
  void stop() {
    // Not Process.destroy, which closes the pipe too and so would say that we are gone.
    process.toHandle().destroy();
  }

  /** Waits for the end and forces it when the time is over. Returns whether it ended by itself. */
  boolean awaitEnd(Duration limit) throws InterruptedException {
    if (process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
      return true;
    }
    process.destroyForcibly().waitFor();
    return false;
  }

  /**
   * Why the process ended, as far as its log tells: the message of the last error that it logged,
   * or the end of the log where it logged none.
   */
  String lastWords() {
    List<String> lines = tail().lines().toList();
    return lines.reversed().stream()
        .map(LOGGED_ERROR::matcher)
        .filter(Matcher::find)
        .map(found -> found.group(1))
        .findFirst()
        .orElseGet(() ->
            "\n"
                + String.join(
                    "\n", lines.subList(Math.max(0, lines.size() - QUOTED_LINES), lines.size()))
                + "\n");
  }

  /** Whether it ended because another program uses its port. */
  boolean portTaken() {
    return PORT_TAKEN.matcher(tail()).find();
  }

  private String tail() {
    try (var file = Files.newByteChannel(log)) {
      file.position(Math.max(0, file.size() - QUOTED_BYTES));
      ByteBuffer end = ByteBuffer.allocate((int) (file.size() - file.position()));
      while (end.hasRemaining() && file.read(end) >= 0) {
        // read on
      }
      return new String(end.array(), 0, end.position(), StandardCharsets.UTF_8);
    } catch (IOException unreadable) {
      return "(its log " + log + " cannot be read: " + unreadable.getMessage() + ")";
    }
  }
}
