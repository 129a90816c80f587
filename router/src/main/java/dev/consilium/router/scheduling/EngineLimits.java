package dev.consilium.router.scheduling;

/**
 * Bounds of an engine.
 *
 * @param contextLength longest sequence the model takes, in tokens
 * @param vocabularySize token ids are below this
 * @param waiting most requests that may wait
 * @param step bounds of one step
 */
public record EngineLimits(int contextLength, int vocabularySize, int waiting, StepLimits step) {

  /**
   * Bounds of one step.
   *
   * @param batchTokens most tokens in a step
   * @param chunkTokens most prompt tokens of one sequence in a step
   * @param running most sequences in the batch; at most {@code batchTokens}, so that each can
   *     decode in every step
   */
  public record StepLimits(int batchTokens, int chunkTokens, int running) {
    public StepLimits {
      if (running < 1 || chunkTokens < 1 || batchTokens < running) {
        throw new IllegalArgumentException(
            "max-running is "
                + running
                + ", prefill-chunk "
                + chunkTokens
                + " and max-batch-tokens "
                + batchTokens
                + ": the first two must be at least 1, the last at least max-running");
      }
    }

    Scheduler.Limits forScheduler() {
      return new Scheduler.Limits(batchTokens, chunkTokens, running);
    }
  }
}
