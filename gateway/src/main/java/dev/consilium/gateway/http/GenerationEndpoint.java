package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.Admission;
import dev.consilium.gateway.generation.Completion;
import dev.consilium.gateway.generation.Engine;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.GenerationRequest;
import dev.consilium.gateway.generation.RequestException;
import dev.consilium.gateway.generation.Usage;
import dev.consilium.gateway.http.Preparation.Prepared;
import dev.consilium.gateway.observation.RequestObserver;
import dev.consilium.gateway.observation.RequestObserver.Operation;
import dev.consilium.gateway.openai.CommonOptions.Streaming;
import dev.consilium.gateway.openai.ErrorFormat;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** Answers generations, whole or as events. Its requests run on threads that may block. */
final class GenerationEndpoint {
  private static final Logger LOG = System.getLogger(GenerationEndpoint.class.getName());

  private final Operation operation;
  private final Preparation preparation;
  private final Engine engine;
  private final RequestObserver observer;
  private final EventStream.Limits limits;

  GenerationEndpoint(
      Operation operation,
      Preparation preparation,
      Engine engine,
      RequestObserver observer,
      EventStream.Limits limits) {
    this.operation = operation;
    this.preparation = preparation;
    this.engine = engine;
    this.observer = observer;
    this.limits = limits;
  }

  /** Answers one request. Returns the status answered. */
  int serve(Exchange exchange, byte[] body, Admission.Ticket ticket) {
    try {
      Prepared prepared = preparation.prepare(body, newId());
      ticket.growTo(prepared.request().choices());
      return run(exchange, prepared);
    } catch (RequestException e) {
      observer.refused(operation, e.fault());
      return fail(exchange, e.fault());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return fail(exchange, Fault.stopping());
    } catch (RuntimeException | Error e) {
      Fault fault = defect(e);
      observer.refused(operation, fault);
      return fail(exchange, fault);
    }
  }

  private static Fault defect(Throwable e) {
    LOG.log(Level.ERROR, "defect while serving a request", e);
    return Fault.of(
        Fault.Kind.INTERNAL, "internal_error", "the gateway has a defect; its log says more");
  }

  private int run(Exchange exchange, Prepared prepared) throws InterruptedException {
    observer.started(operation);
    observer.describe(operation, prepared.request());
    EventStream events = exchange.events(limits);
    try {
      return prepared.streaming().on()
          ? stream(exchange, prepared, events)
          : whole(exchange, prepared);
    } catch (RequestException e) {
      observer.ended(operation);
      observer.refused(operation, e.fault());
      return failRunning(exchange, events, e.fault());
    } catch (RuntimeException | Error e) {
      Fault fault = defect(e);
      observer.ended(operation);
      observer.refused(operation, fault);
      return failRunning(exchange, events, fault);
    }
  }

  private int whole(Exchange exchange, Prepared prepared) throws InterruptedException {
    GenerationRequest request = prepared.request();
    CollectingSink sink = new CollectingSink(request.choices());
    Usage usage = complete(request, engine.run(request, exchange.cancellation(), sink));
    exchange.json(200, prepared.format().whole(sink.answers(), usage));
    return 200;
  }

  private int stream(Exchange exchange, Prepared prepared, EventStream events)
      throws InterruptedException {
    GenerationRequest request = prepared.request();
    StreamingSink sink =
        new StreamingSink(events, prepared.format(), request.settings().topLogprobs().isPresent());
    Usage usage = complete(request, engine.run(request, exchange.cancellation(), sink));
    if (prepared.streaming() == Streaming.WITH_USAGE) {
      events.event(prepared.format().usage(usage));
    }
    events.done();
    return 200;
  }

  private Usage complete(GenerationRequest request, List<Completion> choices) {
    Usage usage = Usage.of(request, choices);
    observer.completed(operation, usage, choices);
    return usage;
  }

  private int failRunning(Exchange exchange, EventStream events, Fault fault)
      throws InterruptedException {
    if (!events.begun()) {
      return fail(exchange, fault);
    }
    ErrorReply error = ErrorReply.of(fault);
    if (fault.kind() != Fault.Kind.CANCELLED) {
      report(error);
      events.event(ErrorFormat.body(error.type(), fault));
      events.end();
    }
    return error.status();
  }

  private static int fail(Exchange exchange, Fault fault) {
    ErrorReply error = ErrorReply.of(fault);
    report(error);
    exchange.error(error);
    return error.status();
  }

  /** One line, and only where the operator can do something about it. */
  private static void report(ErrorReply error) {
    if (error.status() >= 500) {
      LOG.log(
          Level.WARNING,
          "request failed with {0} {1}: {2}",
          error.status(),
          error.fault().code(),
          error.fault().message());
    }
  }

  private static String newId() {
    byte[] random = new byte[12];
    ThreadLocalRandom.current().nextBytes(random);
    return HexFormat.of().formatHex(random);
  }
}
