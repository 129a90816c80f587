package dev.consilium.cli;

import dev.consilium.cli.text.ChatTurn;
import dev.consilium.cli.text.Generated;
import dev.consilium.cli.text.TextOptions;
import dev.consilium.cli.text.TextSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Talks with a model, turn by turn. */
@Command(
    name = "chat",
    description = "Talk with a model, here or behind a running gateway.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium chat                                   with the demo model, in this process",
      "  consilium chat --url http://127.0.0.1:8080       with the cluster that consilium up started",
      "  consilium chat --model ~/models/qwen3 --system \"Answer in one sentence.\"",
      "  printf 'Hello\\nTell me a story\\n' | consilium chat   one message for each line",
      "",
      "In a conversation: /new starts over, /exit or Ctrl-D ends it, Ctrl-C at the prompt clears the line.",
    })
final class ChatCommand implements Callable<Integer> {

  @Mixin private final SourceOptions source = new SourceOptions();
  @Mixin private final GenerationOptions options = new GenerationOptions();

  @Option(
      names = "--system",
      paramLabel = "TEXT",
      description = "What the model is told before the conversation.")
  private Optional<String> system = Optional.empty();

  @Override
  public Integer call() throws InterruptedException {
    TextOptions how = options.toOptions();
    try (TextSource model = source.open();
        Lines lines = Lines.ofStandardInput("> ")) {
      List<ChatTurn> turns = beginning();
      for (Optional<String> line = lines.next(); line.isPresent(); line = lines.next()) {
        switch (line.get().strip()) {
          case "" -> {}
          case "/exit" -> {
            return 0;
          }
          case "/new" -> turns = beginning();
          default -> answer(model, turns, line.get(), how);
        }
      }
    }
    return 0;
  }

  private List<ChatTurn> beginning() {
    List<ChatTurn> turns = new ArrayList<>();
    system.ifPresent(text -> turns.add(ChatTurn.system(text)));
    return turns;
  }

  private static void answer(
      TextSource model, List<ChatTurn> turns, String message, TextOptions how)
      throws InterruptedException {
    turns.add(ChatTurn.user(message));
    Generated generated =
        model.chat(
            turns,
            how,
            piece -> {
              System.out.print(piece);
              System.out.flush();
            });
    System.out.println();
    System.out.println();
    turns.add(ChatTurn.assistant(generated.text()));
  }
}
