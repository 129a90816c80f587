package dev.consilium.cli;

import dev.consilium.serving.Logging;
import dev.consilium.tensor.Kernels;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
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

  /** By name, in the order in which help lists them. */
  static final SequencedMap<String, Class<?>> COMMANDS = commands();

  @Option(
      names = "--verbose",
      description = "Show where an error comes from (stack traces).",
      scope = ScopeType.INHERIT)
  private boolean verbose;

  ConsiliumMain() {}

  private static SequencedMap<String, Class<?>> commands() {
    SequencedMap<String, Class<?>> commands = new LinkedHashMap<>();
    commands.put("demo", DemoCommand.class);
    commands.put("up", UpCommand.class);
    commands.put("run", RunCommand.class);
    commands.put("chat", ChatCommand.class);
    commands.put("check", CheckCommand.class);
    commands.put("inspect", InspectCommand.class);
    commands.put("quantize", QuantizeCommand.class);
    commands.put("synth", SynthCommand.class);
    commands.put("bench", BenchCommand.class);
    commands.put("completion", Completion.class);
    commands.put("prepare", PrepareCommand.class);
    return Collections.unmodifiableSequencedMap(commands);
  }

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
    CommandLine line = commandLine(main, arguments.length > 0 ? arguments[0] : "");
    line.setExecutionExceptionHandler(
        (failure, command, parsed) -> Failures.report(failure, main.verbose));
    line.setParameterExceptionHandler(Failures::reportUsage);
    try {
      return line.execute(arguments);
    } catch (Error failure) {
      return Failures.report(failure, main.verbose);
    }
  }

  /**
   * With the one command that is called, as reading the options of all takes a tenth of a second;
   * with all of them, if the first argument is none of them.
   */
  static CommandLine commandLine(ConsiliumMain main, String first) {
    CommandLine line = new CommandLine(main);
    if (COMMANDS.containsKey(first)) {
      line.addSubcommand(COMMANDS.get(first));
    } else {
      COMMANDS.values().forEach(line::addSubcommand);
    }
    // Behind the commands, which take over what is set.
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpWidth(HELP_COLUMNS);
    return line;
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
      System.out.print(AutoComplete.bash("consilium", commandLine(new ConsiliumMain(), "")));
    }
  }
}
