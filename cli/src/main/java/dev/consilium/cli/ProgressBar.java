package dev.consilium.cli;

import java.io.PrintStream;

/**
 * How far something long has come, on one line of standard error that is written over; where that
 * is no terminal, a line for each tenth. One thread.
 */
final class ProgressBar implements AutoCloseable {

  private static final int WIDTH = 30;

  private final String what;
  private final PrintStream out;
  private final boolean terminal;
  private int shown = -1;

  ProgressBar(String what) {
    this(what, System.err, Style.ofErrors() == Style.TERMINAL);
  }

  ProgressBar(String what, PrintStream out, boolean terminal) {
    this.what = what;
    this.out = out;
    this.terminal = terminal;
  }

  /**
   * Shows how far it has come.
   *
   * @param done bytes
   * @param total bytes
   */
  void show(long done, long total) {
    int steps = terminal ? 1000 : 10;
    int now = total == 0 ? steps : (int) (done * (double) steps / total);
    if (now == shown) {
      return;
    }
    shown = now;
    double share = total == 0 ? 1 : (double) done / total;
    String amounts =
        "%s %3.0f %%  %s of %s"
            .formatted(what, Math.floor(100 * share), Amounts.bytes(done), Amounts.bytes(total));
    if (terminal) {
      int filled = (int) (share * WIDTH);
      out.print("\r\u001b[K" + "█".repeat(filled) + "░".repeat(WIDTH - filled) + " " + amounts);
      out.flush();
    } else {
      out.println(amounts);
    }
  }

  /** Ends the line. */
  @Override
  public void close() {
    if (terminal && shown >= 0) {
      out.print("\r\u001b[K");
      out.flush();
    }
  }
}
