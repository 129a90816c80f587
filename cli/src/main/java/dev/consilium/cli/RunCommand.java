package dev.consilium.cli;

import dev.consilium.cli.text.ChatTurn;
import dev.consilium.cli.text.Generated;
import dev.consilium.cli.text.TextOptions;
import dev.consilium.cli.text.TextSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Generates once: text to standard output, timing to standard error. */
@Command(
    name = "run",
    description =
        "Generate text in one process: a router that holds all experts itself, no cluster.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium run \"Once upon a time\"                          continue a text with the demo model",
      "  consilium run --chat \"Tell me a story about a fox.\"       answer, in the model's chat format",
      "  consilium run --model ~/models/mixtral -n 100 -t 0 \"...\"  100 tokens, the likeliest each time",
      "  consilium run - <prompt.txt >answer.txt                   prompt from a file, text to a file",
    })
final class RunCommand implements Callable<Integer> {

  private static final int MOST_PROMPT_BYTES = 16 << 20;

  @Parameters(
      paramLabel = "PROMPT",
      description = "Text to continue; - reads it from standard input.")
  private String prompt = "";

  @Option(names = "--chat", description = "Take the prompt as a user's message and answer it.")
  private boolean chat;

  @Mixin private final SourceOptions source = new SourceOptions();
  @Mixin private final GenerationOptions options = new GenerationOptions();

  @Override
  public Integer call() throws InterruptedException {
    String text = prompt.equals("-") ? standardInput() : prompt;
    TextOptions how = options.toOptions();
    try (TextSource model = source.open()) {
      Consumer<String> print =
          piece -> {
            System.out.print(piece);
            System.out.flush();
          };
      Generated generated =
          chat
              ? model.chat(List.of(ChatTurn.user(text)), how, print)
              : model.complete(text, how, print);
      System.out.println();
      System.err.println("[" + generated.timing() + "]");
    }
    return 0;
  }

  private static String standardInput() {
    try {
      byte[] bytes = System.in.readNBytes(MOST_PROMPT_BYTES + 1);
      if (bytes.length > MOST_PROMPT_BYTES) {
        throw new CommandFailure(
            "the prompt on standard input is longer than " + MOST_PROMPT_BYTES + " bytes");
      }
      return new String(bytes, StandardCharsets.UTF_8);
    } catch (IOException failed) {
      throw new CommandFailure("cannot read standard input: " + failed.getMessage(), failed);
    }
  }
}
