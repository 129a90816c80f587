package dev.consilium.gateway.http;

import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * Reads the body of one request within a limit of bytes and time. Event loop only.
 *
 * <p>A body over the limit is read on and dropped for a while, since many clients look at the
 * answer only once they have sent everything.
 */
final class BodyReader {
  private static final int DROPPED_FACTOR = 4;

  private final Vertx vertx;
  private final Limits limits;
  private final Consumer<Outcome> then;
  private final long timer;
  private Buffer body = Buffer.buffer();
  private long received;
  private boolean over;

  /** Bytes of a body, and time until it is there. */
  record Limits(int bytes, Duration time) {}

  /** What came of it. */
  sealed interface Outcome {
    /** The body. */
    @SuppressWarnings("ArrayRecordComponent") // Handed over once, never compared.
    record Complete(byte[] body) implements Outcome {}

    /** Why there is none. */
    record Refused(ErrorReply error) implements Outcome {}
  }

  private BodyReader(Vertx vertx, Limits limits, Consumer<Outcome> then) {
    this.vertx = vertx;
    this.limits = limits;
    this.then = then;
    this.timer = vertx.setTimer(limits.time().toMillis(), _ -> late());
  }

  /** Calls {@code then} once; never, if the client leaves before. */
  static void read(Vertx vertx, HttpServerRequest request, Limits limits, Consumer<Outcome> then) {
    BodyReader reader = new BodyReader(vertx, limits, then);
    request.handler(reader::part).endHandler(_ -> reader.complete());
    request.exceptionHandler(_ -> reader.stop());
  }

  private void part(Buffer part) {
    received += part.length();
    if (received <= limits.bytes()) {
      body.appendBuffer(part);
      return;
    }
    body = Buffer.buffer();
    if (!over && received > (long) DROPPED_FACTOR * limits.bytes()) {
      finish(tooLarge());
    }
  }

  private void complete() {
    finish(received > limits.bytes() ? tooLarge() : new Outcome.Complete(body.getBytes()));
  }

  private void late() {
    finish(
        new Outcome.Refused(
            ErrorReply.http(
                408,
                "body_timeout",
                "the body was not complete within %s; %d bytes came"
                    .formatted(limits.time(), received))));
  }

  private Outcome tooLarge() {
    return new Outcome.Refused(
        ErrorReply.http(
            413,
            "body_too_large",
            "the body is larger than the limit of %d bytes (consilium.gateway.max-body)"
                .formatted(limits.bytes())));
  }

  private void finish(Outcome outcome) {
    if (!over) {
      stop();
      then.accept(outcome);
    }
  }

  private void stop() {
    over = true;
    vertx.cancelTimer(timer);
  }
}
