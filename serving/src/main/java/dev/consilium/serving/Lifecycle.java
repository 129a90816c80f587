package dev.consilium.serving;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The life of a process:
 *
 * <ol>
 *   <li>read the configuration; a bad one ends the process with exit status {@value #BAD_CONFIG}
 *   <li>start, which binds the ports; write the announce file if one is configured
 *   <li>log one line {@code ready NAME grpc=PORT ...} when it would serve
 *   <li>on SIGTERM or SIGINT: not ready, drain with a limit, stop, exit status 0
 * </ol>
 *
 * <p>A start that fails, now or while the process loads, ends with exit status {@value #FAILED}.
 */
public final class Lifecycle {

  /** Exit status of a process that could not start. */
  public static final int FAILED = 1;

  /** Exit status of a process whose configuration is bad. */
  public static final int BAD_CONFIG = 2;

  private static final System.Logger LOG = Logging.logger(Lifecycle.class);

  private Lifecycle() {}

  /** Starts a process: binds its ports, and may go on loading afterwards. */
  public interface Starter {
    /**
     * Starts.
     *
     * @throws ConfigException if settings are bad
     * @throws IOException if a port or file cannot be used
     */
    RunningProcess start(ProcessConfig config) throws IOException;
  }

  /**
   * Runs a process; to be called by {@code main} and nothing else. Returns when the process has
   * started; a thread of its own keeps it alive until it is told to stop.
   *
   * @param mappings what the process reads beside {@link ProcessSettings}
   */
  public static void run(
      String name, String[] arguments, List<Class<?>> mappings, Starter starter) {
    Logging.configure(System.Logger.Level.INFO);
    try {
      List<Class<?>> all = new ArrayList<>(mappings);
      all.add(ProcessSettings.class);
      ProcessConfig config = ProcessConfig.load(List.of(arguments), all);
      ProcessSettings settings = config.get(ProcessSettings.class);
      Logging.configure(settings.logLevel());
      RunningProcess process = starter.start(config);
      new Running(name, process, settings.drainTimeout()).watch(settings);
    } catch (ConfigException bad) {
      LOG.log(System.Logger.Level.ERROR, "bad configuration: " + bad.getMessage());
      System.exit(BAD_CONFIG);
    } catch (IOException | UncheckedIOException failed) {
      LOG.log(System.Logger.Level.ERROR, name + " did not start: " + failed.getMessage());
      System.exit(FAILED);
    } catch (RuntimeException defect) {
      LOG.log(System.Logger.Level.ERROR, name + " did not start", defect);
      System.exit(FAILED);
    }
  }

  /** Writes ports as JSON, so that a reader sees all of them or no file. */
  public static void announce(Path file, SortedMap<String, Integer> ports) throws IOException {
    String json =
        ports.entrySet().stream()
            .map(entry -> "\"" + entry.getKey() + "\":" + entry.getValue())
            .collect(Collectors.joining(",", "{", "}\n"));
    Path whole = file.toAbsolutePath();
    Path part = whole.resolveSibling(whole.getFileName() + ".part");
    try {
      Files.writeString(part, json);
      Files.move(part, whole, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException failed) {
      throw new IOException(
          "consilium.announce-file: " + WriteFailure.words(whole, failed), failed);
    }
  }

  private static final class Running {

    private final String name;
    private final RunningProcess process;
    private final Duration drainTimeout;
    private final AtomicInteger status = new AtomicInteger();
    private final CountDownLatch stopped = new CountDownLatch(1);

    Running(String name, RunningProcess process, Duration drainTimeout) {
      this.name = name;
      this.process = process;
      this.drainTimeout = drainTimeout;
    }

    void watch(ProcessSettings settings) throws IOException {
      if (settings.announceFile().isPresent()) {
        announce(settings.announceFile().get(), process.ports());
      }
      Runtime.getRuntime().addShutdownHook(new Thread(this::end, "shutdown"));
      if (settings.exitWithParent()) {
        ParentWatch.start();
      }
      // Network and compute threads are daemons.
      Thread.ofPlatform().name("alive").daemon(false).start(this::stayAlive);
      process.ready().whenComplete((done, failed) -> tell(failed));
    }

    private void stayAlive() {
      try {
        stopped.await();
      } catch (InterruptedException ended) {
        Thread.currentThread().interrupt();
      }
    }

    private void tell(@Nullable Throwable failed) {
      if (failed == null) {
        String ports =
            process.ports().entrySet().stream()
                .map(entry -> entry.getKey() + "=" + entry.getValue())
                .collect(Collectors.joining(" "));
        LOG.log(System.Logger.Level.INFO, "ready " + name + " " + ports);
        return;
      }
      Throwable cause =
          failed instanceof CompletionException && failed.getCause() != null
              ? failed.getCause()
              : failed;
      if (cause instanceof CancellationException) {
        // Stopped while it was still loading.
        return;
      }
      if (cause.getClass().getPackageName().startsWith("java.lang")) {
        // Our own exceptions are written for the reader of the log; these are defects.
        LOG.log(System.Logger.Level.ERROR, name + " cannot serve", cause);
      } else {
        LOG.log(System.Logger.Level.ERROR, name + " cannot serve: " + cause.getMessage());
      }
      status.set(FAILED);
      // Exit waits for the hook, which waits for the thread we are on.
      Thread.ofPlatform().name("exit").start(() -> System.exit(FAILED));
    }

    /** On the shutdown hook. */
    private void end() {
      try {
        if (status.get() == 0) {
          LOG.log(
              System.Logger.Level.INFO,
              "stopping " + name + ", draining for at most " + drainTimeout);
          process.drain(drainTimeout);
        }
        process.stop();
        LOG.log(System.Logger.Level.INFO, "stopped " + name);
      } catch (RuntimeException defect) {
        status.set(FAILED);
        LOG.log(System.Logger.Level.ERROR, "defect while stopping " + name, defect);
      } finally {
        stopped.countDown();
        // Without this the exit status of an orderly stop would be 143, which reads as a crash.
        Runtime.getRuntime().halt(status.get());
      }
    }
  }
}
