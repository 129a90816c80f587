package dev.consilium.router.scheduling;

import io.opentelemetry.context.Context;

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

  /**
   * A step ended.
   *
   * @param promptTokens prompt tokens that were computed; those of a preempted sequence count again
   * @param generatedTokens tokens that were handed to listeners
   */
  default void stepped(int promptTokens, int generatedTokens, long nanos) {}

  /** A sequence gave its cache back for others. */
  default void preempted() {}

  /** A sequence's part of a step, while it lasts. */
  interface StepSpan {
    /** Parent of what happens in the step. */
    Context context();

    void end();
  }
}
