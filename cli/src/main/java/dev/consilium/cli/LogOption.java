package dev.consilium.cli;

import dev.consilium.cli.cluster.LocalCluster;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Where the processes of a cluster write their logs. */
final class LogOption {

  @Option(
      names = "--log-dir",
      paramLabel = "DIR",
      description =
          "Where the log files go, one for each process. Default: a new directory for temporary files.")
  private Optional<Path> chosen = Optional.empty();

  Path directory() {
    return chosen.orElseGet(LocalCluster::temporaryLogs);
  }
}
