package dev.consilium.gateway.http;

/** A body until it is parsed; then its bytes and its share go. One thread at a time. */
final class ReceivedBody implements AutoCloseable {
  private static final byte[] NONE = {};

  private final BodyBudget.Share share;
  private byte[] bytes;

  ReceivedBody(byte[] bytes, BodyBudget.Share share) {
    this.bytes = bytes;
    this.share = share;
  }

  byte[] bytes() {
    return bytes;
  }

  @Override
  public void close() {
    bytes = NONE;
    share.close();
  }
}
