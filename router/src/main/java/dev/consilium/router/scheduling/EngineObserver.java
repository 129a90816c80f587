package dev.consilium.router.scheduling;

import dev.consilium.router.forward.BatchSlice;
import io.opentelemetry.context.Context;
import java.util.List;

/** Sees the engine work, to count and to trace. Called on the engine's thread: must not block. */
public interface EngineObserver {
  /** Sees nothing. */
  EngineObserver NONE = new EngineObserver() {};

  /** A sequence's part of a step begins. */
  default StepSpan beginStep(Context parent, boolean prefill, int tokens) {
    return new StepSpan() {
      @Override
      public Context context() {
        return parent;
      }

      @Override
      public void end() {}
    };
  }

  /** A step ended. */
  default void stepped(List<BatchSlice> slices, long nanos) {}

  /** A sequence gave its cache back for others. */
  default void preempted() {}

  /** A sequence's part of a step, while it lasts. */
  interface StepSpan {
    /** Parent of what happens in the step. */
    Context context();

    void end();
  }
}
