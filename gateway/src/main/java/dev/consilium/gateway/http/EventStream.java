package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.Fault;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Server-sent events to one client. Events gather until {@link #flush} or until they are many; what
 * the network has not taken is bounded, and who would add to it waits. A client that takes nothing
 * for too long loses its connection. One thread at a time.
 */
final class EventStream {
  private static final byte[] PREFIX = "data: ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] SUFFIX = "\n\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] DONE = "[DONE]".getBytes(StandardCharsets.US_ASCII);

  private final HttpServerResponse response;
  private final Context eventLoop;
  private final Cancellation cancellation;
  private final Limits limits;

  // Of the writing thread alone.
  private Buffer gathered = Buffer.buffer();
  private boolean begun;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition taken = lock.newCondition();
  // Guarded by lock: bytes handed to the network and not taken by it.
  private int waiting;

  /**
   * What a client may cost.
   *
   * @param waitingBytes held for it at most, but for one event
   * @param stall longest wait for it to take any
   */
  record Limits(int waitingBytes, Duration stall) {}

  EventStream(
      HttpServerResponse response, Context eventLoop, Cancellation cancellation, Limits limits) {
    this.response = response;
    this.eventLoop = eventLoop;
    this.cancellation = cancellation;
    this.limits = limits;
    cancellation.onCancel(this::wake);
  }

  /** Whether the client has been told anything, or is about to be. */
  boolean begun() {
    return begun || gathered.length() > 0;
  }

  void event(byte[] data) throws InterruptedException {
    gathered.appendBytes(PREFIX).appendBytes(data).appendBytes(SUFFIX);
    if (gathered.length() >= limits.waitingBytes() / 4) {
      flush();
    }
  }

  void flush() throws InterruptedException {
    if (gathered.length() > 0) {
      Buffer bytes = gathered;
      gathered = Buffer.buffer();
      begun = true;
      awaitRoom(bytes.length());
      eventLoop.runOnContext(_ -> write(bytes));
    }
  }

  /** Ends a stream that is complete. */
  void done() throws InterruptedException {
    event(DONE);
    end();
  }

  /** Ends the stream after what was gathered. */
  void end() throws InterruptedException {
    flush();
    eventLoop.runOnContext(_ -> finish());
  }

  private void awaitRoom(int bytes) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = limits.stall().toNanos();
      while (waiting >= limits.waitingBytes() && !cancellation.cancelled() && left > 0) {
        int before = waiting;
        left = taken.awaitNanos(left);
        left = waiting < before ? limits.stall().toNanos() : left;
      }
      requireReader(left > 0);
      waiting += bytes;
    } finally {
      lock.unlock();
    }
  }

  private void requireReader(boolean takes) {
    if (cancellation.cancelled()) {
      throw Cancellation.exception();
    }
    if (!takes) {
      eventLoop.runOnContext(_ -> response.reset());
      throw Fault.of(
              Fault.Kind.CANCELLED,
              "client_stalled",
              "the client took nothing for " + limits.stall())
          .exception();
    }
  }

  private void write(Buffer bytes) {
    if (response.ended() || response.closed()) {
      return;
    }
    if (!response.headWritten()) {
      response
          .setChunked(true)
          .putHeader("Content-Type", "text/event-stream; charset=utf-8")
          .putHeader("Cache-Control", "no-cache")
          // nginx would gather the events otherwise.
          .putHeader("X-Accel-Buffering", "no");
    }
    response.write(bytes).onComplete(_ -> released(bytes.length()));
  }

  private void finish() {
    if (!response.ended() && !response.closed()) {
      response.end();
    }
  }

  private void released(int bytes) {
    lock.lock();
    try {
      waiting -= bytes;
      taken.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void wake() {
    lock.lock();
    try {
      taken.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
