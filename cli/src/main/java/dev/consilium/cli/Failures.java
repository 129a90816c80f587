package dev.consilium.cli;

import dev.consilium.cli.cluster.ClusterException;
import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.model.family.ConfigException;
import dev.consilium.model.tokenizer.TokenizerException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.PrintStream;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** Tells people what went wrong, on standard error, and says with which status to exit. */
final class Failures {

  /** As {@code sysexits.h} has it: an error inside the program. */
  static final int DEFECT = 70;

  private Failures() {}

  static int report(Throwable failure, boolean verbose) {
    boolean expected = isExpected(failure);
    PrintStream err = System.err;
    err.println("consilium: " + (expected ? message(failure) : "defect: " + failure));
    if (verbose) {
      failure.printStackTrace(err);
    } else if (!expected) {
      err.println("consilium: run it again with --verbose to see where this comes from");
    }
    return expected ? CommandLine.ExitCode.SOFTWARE : DEFECT;
  }

  private static String message(Throwable failure) {
    return failure instanceof OutOfMemoryError
        ? "out of memory (%s): JDK_JAVA_OPTIONS=-Xmx8g lets the JVM take more"
            .formatted(failure.getMessage())
        : String.valueOf(failure.getMessage());
  }

  /** Errors that are nobody's mistake in this program. */
  private static boolean isExpected(Throwable failure) {
    return failure instanceof CommandFailure
        || failure instanceof OutOfMemoryError
        || failure instanceof ClusterException
        || failure instanceof CheckpointException
        || failure instanceof ConfigException
        || failure instanceof TokenizerException
        || (failure instanceof StatusRuntimeException call
            && call.getStatus().getCode() != Status.Code.INTERNAL);
  }

  static int reportUsage(ParameterException wrong, String[] arguments) {
    CommandLine command = wrong.getCommandLine();
    System.err.println("consilium: " + wrong.getMessage());
    if (!CommandLine.UnmatchedArgumentException.printSuggestions(wrong, command.getErr())) {
      System.err.println(
          "consilium: "
              + command.getCommandSpec().qualifiedName()
              + " --help shows what it takes, with examples");
    }
    return CommandLine.ExitCode.USAGE;
  }
}
