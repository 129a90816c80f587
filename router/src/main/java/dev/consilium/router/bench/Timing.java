package dev.consilium.router.bench;

/**
 * One repetition of a workload.
 *
 * @param tokens computed, over all sequences
 * @param nanos that took
 * @param weightBytes of matrices that the steps of a decode read, each once a step: those of every
 *     step, and the experts that were chosen. 0 for a prefill, which is not bound by reading
 */
public record Timing(long tokens, long nanos, long weightBytes) {

  public double tokensPerSecond() {
    return tokens / (nanos / 1e9);
  }

  public double weightBytesPerSecond() {
    return weightBytes / (nanos / 1e9);
  }
}
