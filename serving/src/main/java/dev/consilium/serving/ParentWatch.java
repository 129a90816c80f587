package dev.consilium.serving;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * Ends a process when the one that started it is gone, however that ended: the parent holds the
 * other end of our standard input and never writes to it, so the end of that stream is the parent's
 * end. The system closes the pipe of a killed process, which no handler in the parent could do.
 */
public final class ParentWatch {

  private static final System.Logger LOG = System.getLogger(ParentWatch.class.getName());

  private ParentWatch() {}

  /** Exits, with the usual drain, once standard input has ended. Starts one daemon thread. */
  public static void start() {
    watch(
        System.in,
        () -> {
          LOG.log(System.Logger.Level.INFO, "the parent process is gone: stopping");
          System.exit(0);
        });
  }

  /** Runs {@code onEnd} on a thread of its own when {@code stream} has ended or broken. */
  static Thread watch(InputStream stream, Runnable onEnd) {
    return Thread.ofPlatform()
        .name("parent-watch")
        .daemon()
        .start(() -> {
          skipAll(stream);
          onEnd.run();
        });
  }

  private static void skipAll(InputStream stream) {
    try {
      stream.transferTo(OutputStream.nullOutputStream());
    } catch (IOException broken) {
      // A pipe that cannot be read says the same as one that has ended.
      LOG.log(System.Logger.Level.DEBUG, "standard input broke", broken);
    }
  }
}
