package dev.consilium.cli.cluster;

/** A cluster cannot be started; the message says which process failed and quotes its last words. */
public class ClusterException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public ClusterException(String message) {
    super(message);
  }

  public ClusterException(String message, Throwable cause) {
    super(message, cause);
  }
}
