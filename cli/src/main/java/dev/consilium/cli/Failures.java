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

  static int report(Exception failure, boolean verbose) {
    boolean expected = isExpected(failure);
    PrintStream err = System.err;
    err.println("consilium: " + (expected ? failure.getMessage() : "defect: " + failure));
    if (verbose) {
      failure.printStackTrace(err);
    } else if (!expected) {
      err.println("consilium: run it again with --verbose to see where this comes from");
    }
    return expected ? CommandLine.ExitCode.SOFTWARE : DEFECT;
  }

  /** Errors whose message was written for the reader. */
  private static boolean isExpected(Exception failure) {
    return failure instanceof CommandFailure
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
