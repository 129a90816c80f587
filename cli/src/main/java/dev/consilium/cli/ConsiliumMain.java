package dev.consilium.cli;

import dev.consilium.serving.Logging;
import dev.consilium.tensor.Kernels;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The {@code consilium} command. */
@Command(
    name = "consilium",
    description = "A mixture-of-experts inference cluster on the JVM.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    subcommands = {
      DemoCommand.class,
      UpCommand.class,
      RunCommand.class,
      ChatCommand.class,
      CheckCommand.class,
      InspectCommand.class,
      QuantizeCommand.class,
      SynthCommand.class,
      BenchCommand.class,
      ConsiliumMain.Completion.class,
      PrepareCommand.class,
    },
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:done",
      "1:it could not be done; standard error says why, in one line",
      "2:the command line is wrong",
      "70:a defect of Consilium; --verbose shows where",
      "130:stopped by Ctrl-C",
    },
    footerHeading = "%nFirst steps:%n",
    footer = {
      "  consilium demo                         see a whole cluster tell a story",
      "  consilium up --model DIR --nodes 3     serve a model on this machine",
      "  consilium run \"Once upon a time\"       generate in one process, no cluster",
      "  consilium chat                         talk to the demo model",
      "  consilium check DIR --nodes 2          compare a model with its golden values, through two nodes",
      "  consilium inspect DIR                  what is in a checkpoint",
      "  consilium quantize DIR OUT --type q4_k   write it as a GGUF file, quantised",
      "  consilium bench MODEL                  how fast this machine computes it",
      "  consilium COMMAND --help               each command explains itself",
    })
public final class ConsiliumMain {

  private static final int HELP_COLUMNS = 120;

  @Option(
      names = "--verbose",
      description = "Show where an error comes from (stack traces).",
      scope = ScopeType.INHERIT)
  private boolean verbose;

  private ConsiliumMain() {}

  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  /** Runs one command. Returns the exit status. */
  static int run(String... arguments) {
    // What libraries have to say is for logs; a command's own words go to the user directly.
    Logging.configure(System.Logger.Level.ERROR);
    // Whether this machine computes slowly, and why, no command knows to say.
    Logging.configure(Kernels.class.getPackageName(), System.Logger.Level.WARNING);
    ConsiliumMain main = new ConsiliumMain();
    CommandLine line = new CommandLine(main);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> Failures.report(failure, main.verbose));
    line.setParameterExceptionHandler(Failures::reportUsage);
    line.setUsageHelpWidth(HELP_COLUMNS);
    try {
      return line.execute(arguments);
    } catch (Error failure) {
      return Failures.report(failure, main.verbose);
    }
  }

  /** Prints a script that completes commands and options in bash and zsh. */
  @Command(
      name = "completion",
      description = "Print a script that completes commands and options in bash and zsh.",
      mixinStandardHelpOptions = true,
      footerHeading = "%nExamples:%n",
      footer = {
        "  source <(consilium completion)                                  in this shell",
        "  consilium completion >/etc/bash_completion.d/consilium          for everybody",
      })
  static final class Completion implements Runnable {

    @Override
    public void run() {
      System.out.print(AutoComplete.bash("consilium", new CommandLine(new ConsiliumMain())));
    }
  }
}
