package dev.consilium.cli;

import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Lines that a person types, with editing and history, or that come through a pipe. */
interface Lines extends AutoCloseable {

  /** The next line; empty at the end. */
  Optional<String> next();

  @Override
  void close();

  /** Of standard input, whatever that is. */
  static Lines ofStandardInput(String prompt) {
    return Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false)
        ? Typed.open(prompt)
        : new Piped();
  }

  /** Through a pipe or from a file. */
  final class Piped implements Lines {

    private final BufferedReader reader =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    @Override
    public Optional<String> next() {
      try {
        return Optional.ofNullable(reader.readLine());
      } catch (IOException failed) {
        throw new CommandFailure("cannot read standard input: " + failed.getMessage(), failed);
      }
    }

    @Override
    public void close() {
      // Standard input is not ours to close.
    }
  }

  /** On a terminal. */
  final class Typed implements Lines {

    private final Terminal terminal;
    private final LineReader reader;
    private final String prompt;

    private Typed(Terminal terminal, String prompt) {
      this.terminal = terminal;
      this.reader = LineReaderBuilder.builder().terminal(terminal).build();
      this.prompt = prompt;
      // A message may hold an exclamation mark; it is no history event.
      reader.option(LineReader.Option.DISABLE_EVENT_EXPANSION, true);
    }

    static Lines open(String prompt) {
      try {
        return new Typed(TerminalBuilder.builder().system(true).build(), prompt);
      } catch (IOException failed) {
        throw new CommandFailure("cannot use the terminal: " + failed.getMessage(), failed);
      }
    }

    @Override
    public Optional<String> next() {
      while (true) {
        try {
          return Optional.of(reader.readLine(prompt));
        } catch (UserInterruptException cleared) {
          // The terminal shows what was typed; the next prompt begins on a line of its own.
          terminal.flush();
        } catch (EndOfFileException end) {
          return Optional.empty();
        }
      }
    }

    @Override
    public void close() {
      try {
        terminal.close();
      } catch (IOException failed) {
        throw new CommandFailure("cannot give the terminal back: " + failed.getMessage(), failed);
      }
    }
  }
}
