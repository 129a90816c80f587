package dev.consilium.serving;

import io.netty.util.internal.logging.InternalLoggerFactory;
import io.netty.util.internal.logging.JdkLoggerFactory;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.jspecify.annotations.Nullable;

/**
 * One line per event on standard error: time, level, logger, message. A stack trace follows only
 * where an exception was logged, which we do for defects alone.
 */
public final class Logging {

  private static final String MANAGER_PROPERTY = "java.util.logging.manager";

  // Loggers are held weakly: without a reference here the level we set would be forgotten.
  private static final Logger ROOT;
  private static final Logger NETTY;
  private static final Logger GRPC;
  private static final Logger GRPC_SERVER;
  private static final Map<String, Logger> NAMED = new ConcurrentHashMap<>();

  static {
    if (System.getProperty(MANAGER_PROPERTY) == null) {
      System.setProperty(MANAGER_PROPERTY, LastingLogManager.class.getName());
    }
    // Netty would look for SLF4J first, find its interface without a logger behind it, and complain
    // on standard error.
    InternalLoggerFactory.setDefaultFactory(JdkLoggerFactory.INSTANCE);
    ROOT = Logger.getLogger("");
    NETTY = Logger.getLogger("io.netty");
    GRPC = Logger.getLogger("io.grpc");
    GRPC_SERVER = Logger.getLogger("io.grpc.netty.NettyServerHandler");
  }

  private Logging() {}

  /**
   * A logger for a class that is loaded before {@code main} has called {@link #configure}: whoever
   * asks the JDK for a logger first fixes its log manager for good.
   */
  public static System.Logger logger(Class<?> owner) {
    return System.getLogger(owner.getName());
  }

  /**
   * Sends everything of at least this level to standard error. To be called first in {@code main}.
   */
  public static void configure(System.Logger.Level least) {
    for (Handler handler : ROOT.getHandlers()) {
      ROOT.removeHandler(handler);
    }
    ROOT.addHandler(new ErrorStream());
    ROOT.setLevel(julLevel(least));
    NETTY.setLevel(Level.WARNING);
    GRPC.setLevel(Level.WARNING);
    // It warns of every client that goes away while an answer is on its way: that is a client's
    // right.
    GRPC_SERVER.setLevel(Level.SEVERE);
  }

  /**
   * Sends what some loggers say to standard error from another level on than the rest.
   *
   * @param name of a logger, or of the package of several
   */
  public static void configure(String name, System.Logger.Level least) {
    NAMED.computeIfAbsent(name, Logger::getLogger).setLevel(julLevel(least));
  }

  private static Level julLevel(System.Logger.Level level) {
    return switch (level) {
      case ALL -> Level.ALL;
      case TRACE -> Level.FINER;
      case DEBUG -> Level.FINE;
      case INFO -> Level.INFO;
      case WARNING -> Level.WARNING;
      case ERROR -> Level.SEVERE;
      case OFF -> Level.OFF;
    };
  }

  /** {@code 2026-01-31T12:00:00.123Z INFO serving.Lifecycle ready ...}. */
  static String line(LogRecord event) {
    StringBuilder line = new StringBuilder(160);
    line.append(event.getInstant().truncatedTo(ChronoUnit.MILLIS))
        .append(' ')
        .append("%-7s".formatted(levelName(event.getLevel())))
        .append(' ')
        .append(shortName(event.getLoggerName()))
        .append(' ')
        .append(oneLine(new SimpleFormatter().formatMessage(event)))
        .append('\n');
    Throwable thrown = event.getThrown();
    if (thrown != null) {
      StringWriter trace = new StringWriter();
      thrown.printStackTrace(new PrintWriter(trace));
      line.append(trace);
    }
    return line.toString();
  }

  private static String levelName(Level level) {
    if (level.intValue() >= Level.SEVERE.intValue()) {
      return "ERROR";
    }
    if (level.intValue() >= Level.WARNING.intValue()) {
      return "WARNING";
    }
    return level.intValue() >= Level.INFO.intValue() ? "INFO" : "DEBUG";
  }

  private static String shortName(@Nullable String logger) {
    String name = String.valueOf(logger);
    return name.startsWith("dev.consilium.") ? name.substring("dev.consilium.".length()) : name;
  }

  /** A message may quote a peer; a line break in it must not look like an event of ours. */
  private static String oneLine(String message) {
    return message.replace("\r", "\\r").replace("\n", "\\n");
  }

  private static final class ErrorStream extends Handler {

    private final PrintStream stream = System.err;

    @Override
    public void publish(LogRecord event) {
      if (isLoggable(event)) {
        byte[] line = line(event).getBytes(StandardCharsets.UTF_8);
        stream.write(line, 0, line.length);
        stream.flush();
      }
    }

    @Override
    public void flush() {
      stream.flush();
    }

    @Override
    public void close() {
      flush();
    }
  }

  /**
   * The JDK's manager removes all handlers on a shutdown hook of its own, at the same time as ours
   * drains: what happens then would not be logged. Public because the JDK makes it by name.
   */
  public static final class LastingLogManager extends LogManager {
    @Override
    public void reset() {}
  }
}
