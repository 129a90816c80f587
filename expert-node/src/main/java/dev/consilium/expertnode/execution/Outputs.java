package dev.consilium.expertnode.execution;

/**
 * A computed dispatch: {@code [rows, hiddenSize]} in the type that was asked for, little-endian,
 * one row for each pair of expert and token in the order of the dispatch.
 */
public final class Outputs implements Outcome {

  private final int rows;
  private final byte[] bytes;
  private final long queueNanos;
  private final long computeNanos;

  Outputs(int rows, byte[] bytes, long queueNanos, long computeNanos) {
    this.rows = rows;
    this.bytes = bytes;
    this.queueNanos = queueNanos;
    this.computeNanos = computeNanos;
  }

  public int rows() {
    return rows;
  }

  /** Handed over: nobody changes them. */
  public byte[] bytes() {
    return bytes;
  }

  /** From receipt to the start of the computation. */
  public long queueNanos() {
    return queueNanos;
  }

  /** Length of the computation that this dispatch was part of. */
  public long computeNanos() {
    return computeNanos;
  }
}
