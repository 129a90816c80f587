package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.Fault;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import java.util.Map;

/**
 * One request and its answer. Made on the event loop; the answer may come from any one thread. A
 * client that leaves cancels it.
 */
final class Exchange {
  private static final String JSON = "application/json";

  private final HttpServerRequest request;
  private final HttpServerResponse response;
  private final Context eventLoop;
  private final Cancellation cancellation = new Cancellation();

  Exchange(HttpServerRequest request, Context eventLoop) {
    this.request = request;
    this.response = request.response();
    this.eventLoop = eventLoop;
    // Both come for a connection that is lost before the answer is out; neither after it.
    response.closeHandler(_ -> leftEarly());
    response.exceptionHandler(_ -> cancellation.cancel());
  }

  private void leftEarly() {
    if (!response.ended()) {
      cancellation.cancel();
    }
  }

  HttpServerRequest request() {
    return request;
  }

  /** Cancelled when the client leaves. */
  Cancellation cancellation() {
    return cancellation;
  }

  void json(int status, byte[] body) {
    answer(status, JSON, Map.of(), body);
  }

  void error(ErrorReply error) {
    answer(error.status(), JSON, headers(error), error.body());
  }

  private Map<String, String> headers(ErrorReply error) {
    if (error.status() == 429) {
      return Map.of("Retry-After", "1");
    }
    // A client that keeps its connection would send its next try here again.
    boolean leave = error.fault().equals(Fault.stopping()) && http1();
    return leave ? Map.of("Connection", "close") : Map.of();
  }

  void answer(int status, String contentType, Map<String, String> headers, byte[] body) {
    eventLoop.runOnContext(_ -> {
      if (response.ended() || response.closed() || response.headWritten()) {
        return;
      }
      response.setStatusCode(status).putHeader("Content-Type", contentType);
      headers.forEach(response::putHeader);
      // A body that nobody will read stands in the way of the connection's next request.
      if (http1() && !request.isEnded() && hasBody()) {
        response.putHeader("Connection", "close");
      }
      response.end(Buffer.buffer(body));
    });
  }

  /** HTTP/2 has streams of their own for requests, and forbids the header. */
  private boolean http1() {
    return request.version() != HttpVersion.HTTP_2;
  }

  private boolean hasBody() {
    return request.headers().contains("Content-Length")
        || request.headers().contains("Transfer-Encoding");
  }

  /** Answers with events; the head goes out with the first of them. */
  EventStream events(EventStream.Limits limits) {
    return new EventStream(response, eventLoop, cancellation, limits);
  }
}
