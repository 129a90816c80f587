package dev.consilium.gateway.generation;

import dev.consilium.model.tokenizer.StopStrings;
import dev.consilium.model.tokenizer.Tokenizer;
import io.opentelemetry.context.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;

/**
 * Runs requests, whatever door they came through. All choices of a request run at once, each on its
 * own virtual thread; the first that fails ends the others. Any thread that may block.
 */
public final class Engine {
  private final TokenSource source;
  private final Tokenizer tokenizer;
  private final ExecutorService threads;
  private final LongSupplier nanoTime;

  /** {@code threads} are for the further choices of requests and must be able to block. */
  public Engine(
      TokenSource source, Tokenizer tokenizer, ExecutorService threads, LongSupplier nanoTime) {
    this.source = source;
    this.tokenizer = tokenizer;
    this.threads = threads;
    this.nanoTime = nanoTime;
  }

  /**
   * Runs a request to its end.
   *
   * @return its choices, by index
   * @throws RequestException if it failed or was cancelled
   */
  public List<Completion> run(
      GenerationRequest request, Cancellation cancellation, GenerationSink sink)
      throws InterruptedException {
    // Its own, so that a failed choice ends its siblings without ending the client's connection.
    Cancellation choices = new Cancellation();
    try (Cancellation.Registration _ = cancellation.onCancel(choices::cancel)) {
      return new Run(request, choices, new SerialSink(sink), nanoTime.getAsLong()).all();
    }
  }

  /** One request. */
  private final class Run {
    private final GenerationRequest request;
    private final Cancellation cancellation;
    private final GenerationSink sink;
    private final long startNanos;
    private final AtomicReference<RuntimeException> failure = new AtomicReference<>();

    Run(
        GenerationRequest request,
        Cancellation cancellation,
        GenerationSink sink,
        long startNanos) {
      this.request = request;
      this.cancellation = cancellation;
      this.sink = sink;
      this.startNanos = startNanos;
    }

    /** Returns only when the last choice has ended, so that the sink hears nothing afterwards. */
    List<Completion> all() throws InterruptedException {
      List<FutureTask<Completion>> choices = new ArrayList<>();
      for (int i = 0; i < request.choices(); i++) {
        int choice = i;
        choices.add(new FutureTask<>(() -> guarded(choice)));
      }
      Context trace = Context.current();
      choices.stream().skip(1).forEach(choice -> start(trace.wrap(choice)));
      choices.getFirst().run();
      List<Completion> completions = new ArrayList<>();
      for (FutureTask<Completion> choice : choices) {
        completion(choice).ifPresent(completions::add);
      }
      RuntimeException failed = failure.get();
      if (failed != null) {
        throw failed;
      }
      return completions;
    }

    private void start(Runnable choice) {
      try {
        threads.execute(choice);
      } catch (RejectedExecutionException stopping) {
        failure.compareAndSet(null, Fault.stopping().exception());
        cancellation.cancel();
        choice.run(); // which ends at once, so that nobody waits for it for ever
      }
    }

    /** Empty if the choice failed, which is noted elsewhere. */
    private Optional<Completion> completion(FutureTask<Completion> choice)
        throws InterruptedException {
      try {
        return Optional.of(choice.get());
      } catch (ExecutionException noted) {
        return Optional.empty();
      } catch (InterruptedException e) {
        cancellation.cancel();
        throw e;
      }
    }

    private Completion guarded(int choice) throws InterruptedException {
      try {
        return one(choice);
      } catch (RuntimeException e) {
        failure.compareAndSet(null, e);
        cancellation.cancel();
        throw e;
      } catch (InterruptedException e) {
        failure.compareAndSet(null, Fault.stopping().exception());
        cancellation.cancel();
        throw e;
      } catch (Error e) {
        // Unnoted, it would pass for an answer without this choice.
        failure.compareAndSet(null, new IllegalStateException("a choice failed: " + e, e));
        cancellation.cancel();
        throw e;
      }
    }

    private Completion one(int choice) throws InterruptedException {
      TokenRequest sequence = request.choice(choice);
      TextAssembly text =
          new TextAssembly(tokenizer.decoder(), new StopStrings(sequence.settings().stopTexts()));
      try (TokenStream stream = source.open(sequence, cancellation)) {
        return new Generation(choice, stream, text, sink, nanoTime, startNanos).run();
      }
    }
  }
}
