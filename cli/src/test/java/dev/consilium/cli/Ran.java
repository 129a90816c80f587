package dev.consilium.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** What a command did in this process: one that starts no other and needs no packaging. */
record Ran(int status, String output, String errors) {

  static Ran command(String... arguments) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    System.setOut(new PrintStream(output, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
    try {
      int status = ConsiliumMain.run(arguments);
      return new Ran(
          status, output.toString(StandardCharsets.UTF_8), errors.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  /** Lines in which the command says what is wrong. */
  List<String> complaints() {
    return errors.lines().filter(line -> line.startsWith("consilium: ")).toList();
  }
}
