package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.Admission;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.RequestException;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;

/**
 * Takes every HTTP request: finds its endpoint, admits it, reads its body and hands it to a virtual
 * thread. Answers in JSON whatever is asked.
 */
public final class HttpDoor {
  private static final int PATH_IN_MESSAGE = 200;

  private final Vertx vertx;
  private final Endpoint.Table endpoints;
  private final Admission admission;
  private final BodyReader.Limits limits;
  private final OpenTelemetry telemetry;
  private final ExecutorService threads;

  HttpDoor(
      Vertx vertx,
      Endpoint.Table endpoints,
      Admission admission,
      BodyReader.Limits limits,
      OpenTelemetry telemetry,
      ExecutorService threads) {
    this.vertx = vertx;
    this.endpoints = endpoints;
    this.admission = admission;
    this.limits = limits;
    this.telemetry = telemetry;
    this.threads = threads;
  }

  /** Takes one request; on its event loop, before any of its body was read. */
  public void handle(HttpServerRequest request) {
    Exchange exchange = new Exchange(request, vertx.getOrCreateContext());
    Optional<Endpoint> endpoint = endpoints.at(request.path());
    if (endpoint.isEmpty()) {
      exchange.error(unknownPath(request));
    } else if (!methodFits(request, endpoint.get())) {
      wrongMethod(exchange, endpoint.get());
    } else {
      switch (endpoint.get()) {
        case Endpoint.Read(Endpoint.Answer answer) -> answer.to(exchange);
        case Endpoint.Generate(GenerationEndpoint generation) -> admit(exchange, generation);
      }
    }
  }

  private static boolean methodFits(HttpServerRequest request, Endpoint endpoint) {
    String method = request.method().name();
    return method.equals(endpoint.method())
        || (method.equals("HEAD") && endpoint.method().equals("GET"));
  }

  private static ErrorReply unknownPath(HttpServerRequest request) {
    String path = request.path();
    String brief =
        path.length() <= PATH_IN_MESSAGE ? path : path.substring(0, PATH_IN_MESSAGE) + "...";
    return ErrorReply.http(
        404, "unknown_url", "unknown URL (%s %s)".formatted(request.method(), brief));
  }

  private static void wrongMethod(Exchange exchange, Endpoint endpoint) {
    ErrorReply error =
        ErrorReply.http(
            405,
            "method_not_allowed",
            "this URL takes %s, not %s".formatted(endpoint.method(), exchange.request().method()));
    exchange.answer(
        error.status(), "application/json", Map.of("Allow", endpoint.method()), error.body());
  }

  private void admit(Exchange exchange, GenerationEndpoint generation) {
    String type = String.valueOf(exchange.request().getHeader("Content-Type"));
    if (!isJson(type)) {
      exchange.error(
          ErrorReply.http(
              415,
              "unsupported_media_type",
              "the Content-Type must be application/json; found "
                  + type.substring(0, Math.min(PATH_IN_MESSAGE, type.length()))));
      return;
    }
    try {
      receive(exchange, generation, admission.admit());
    } catch (RequestException overloaded) {
      exchange.error(ErrorReply.of(overloaded.fault()));
    }
  }

  private static boolean isJson(String contentType) {
    String type = contentType.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
    return type.equals("application/json");
  }

  private void receive(Exchange exchange, GenerationEndpoint generation, Admission.Ticket ticket) {
    // A client that leaves while it sends never gets as far as the thread that gives it back.
    PlaceWhileReceiving place = new PlaceWhileReceiving(ticket);
    exchange.cancellation().onCancel(place::closeUnlessRunning);
    BodyReader.read(
        vertx,
        exchange.request(),
        limits,
        outcome -> {
          switch (outcome) {
            case BodyReader.Outcome.Refused(ErrorReply error) -> {
              place.closeUnlessRunning();
              exchange.error(error);
            }
            case BodyReader.Outcome.Complete(byte[] body) -> {
              if (place.run()) {
                hand(exchange, generation, body, ticket);
              }
            }
          }
        });
  }

  private void hand(
      Exchange exchange, GenerationEndpoint generation, byte[] body, Admission.Ticket ticket) {
    try {
      threads.execute(() -> serve(exchange, generation, body, ticket));
    } catch (RejectedExecutionException stopping) {
      ticket.close();
      exchange.error(ErrorReply.of(Fault.stopping()));
    }
  }

  private void serve(
      Exchange exchange, GenerationEndpoint generation, byte[] body, Admission.Ticket ticket) {
    Context trace = RequestSpan.start(telemetry, exchange.request(), exchange.request().path());
    int status = 500;
    try (ticket;
        Scope _ = trace.makeCurrent()) {
      status = generation.serve(exchange, body, ticket);
    } finally {
      RequestSpan.end(trace, status);
    }
  }
}
