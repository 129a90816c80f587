package dev.consilium.gateway.routing;

import dev.consilium.gateway.routing.RouterView.Report;
import dev.consilium.serving.Target;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * One router of the pool: its connection, its latest report, and a virtual thread that keeps that
 * report fresh. Any thread may read the view and count sequences.
 */
final class RouterMember implements AutoCloseable {
  private static final Logger LOG = System.getLogger(RouterMember.class.getName());

  private final Target address;
  private final RouterConnection connection;
  private final PollInterval interval;
  private final String modelFingerprint;
  private final Thread poller;
  private final Semaphore wake = new Semaphore(0);

  // guarded by this
  private Report report = new Report.Unreachable("not asked yet");
  private int ownAtReport;
  private int ownNow;
  private long lastChosen;
  private String warnedFingerprint = "";
  private String loggedDefect = ""; // poller's own

  /**
   * How often to ask: a router that serves, and one that does not (yet), which is asked more often
   * so that it is used as soon as it does.
   */
  record PollInterval(Duration ready, Duration notReady) {}

  RouterMember(
      Target address, RouterConnection connection, PollInterval interval, String modelFingerprint) {
    this.address = address;
    this.connection = connection;
    this.interval = interval;
    this.modelFingerprint = modelFingerprint;
    this.poller = Thread.ofVirtual().name("router-status-" + address).unstarted(this::poll);
  }

  void start() {
    poller.start();
  }

  RouterConnection connection() {
    return connection;
  }

  synchronized RouterView view() {
    return new RouterView(address, report, ownAtReport, ownNow, lastChosen);
  }

  synchronized void began(long choice) {
    ownNow++;
    lastChosen = choice;
  }

  synchronized void ended() {
    ownNow--;
  }

  /** A call to it failed: nothing goes there until it answers a poll again, which comes now. */
  void suspect(String reason) {
    synchronized (this) {
      report = new Report.Unreachable(reason);
    }
    wake.release();
  }

  private void poll() {
    try {
      while (true) {
        ask();
        boolean ready = view().obstacle(modelFingerprint).isEmpty();
        Duration pause = ready ? interval.ready() : interval.notReady();
        if (wake.tryAcquire(pause.toMillis(), TimeUnit.MILLISECONDS)) {
          wake.drainPermits();
        }
      }
    } catch (InterruptedException closed) {
      Thread.currentThread().interrupt();
    }
  }

  private void ask() {
    int own;
    synchronized (this) {
      own = ownNow;
    }
    Report answer;
    try {
      answer = new Report.Answered(connection.status());
    } catch (IOException e) {
      answer = new Report.Unreachable(String.valueOf(e.getMessage()));
    } catch (RuntimeException e) {
      logDefect(e);
      answer = new Report.Unreachable("its status cannot be read: " + e);
    }
    synchronized (this) {
      report = answer;
      ownAtReport = own;
    }
    if (answer instanceof Report.Answered(RouterStatus status)) {
      warnOfOtherModel(status);
    }
  }

  /** Once for each kind: the poller goes on, and a line per poll hides the first. */
  private void logDefect(RuntimeException defect) {
    if (!defect.toString().equals(loggedDefect)) {
      loggedDefect = defect.toString();
      LOG.log(Level.ERROR, "defect while asking router " + address + " for its status", defect);
    }
  }

  /** Once for each model it shows: the operator has to mend it, and a line per poll hides that. */
  private void warnOfOtherModel(RouterStatus status) {
    String found = status.modelFingerprint();
    if (found.equals(modelFingerprint)) {
      warnedFingerprint = "";
    } else if (!found.equals(warnedFingerprint)) {
      warnedFingerprint = found;
      LOG.log(
          Level.WARNING,
          "router {0} at {1} runs another model than this gateway: fingerprint {2}, expected {3};"
              + " it gets no requests. Start both with the same model directory.",
          status.router(),
          address,
          found,
          modelFingerprint);
    }
  }

  @Override
  public void close() {
    poller.interrupt();
    connection.close();
  }
}
