package dev.consilium.router;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.router.dispatch.ExpertDispatcher;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/**
 * Holds an engine inside a step until the test lets it go on, so that a test knows what the engine
 * has seen. Every step passes it once: in the first layer.
 */
public final class StepGate {
  private static final int PATIENCE_SECONDS = 30;

  private final Semaphore arrived = new Semaphore(0);
  private final Semaphore passes = new Semaphore(0);
  private volatile boolean open;

  public UnaryOperator<ExpertDispatcher> inFront() {
    return experts ->
        dispatch -> {
          if (dispatch.layer() == 0 && !open) {
            arrived.release();
            acquire(passes);
          }
          return experts.begin(dispatch);
        };
  }

  /** Returns when the engine stands in a step. */
  public void awaitStep() {
    acquire(arrived);
  }

  /** Lets the step that stands here go on, and returns when the next one stands here. */
  public void nextStep() {
    passes.release();
    awaitStep();
  }

  /** Holds nobody any more. */
  public void open() {
    open = true;
    passes.release();
  }

  private static void acquire(Semaphore semaphore) {
    try {
      assertThat(semaphore.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS))
          .as("a step begins or goes on")
          .isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
