package dev.consilium.router.scheduling;

import dev.consilium.router.forward.BatchResult;
import dev.consilium.router.forward.BatchSlice;
import dev.consilium.router.forward.ForwardPass;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.sampling.Logprobs;
import dev.consilium.router.sampling.Sampler;
import dev.consilium.tensor.CpuDevice;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Runs sequences through the model with continuous batching: they join and leave the batch at every
 * step.
 *
 * <p>One thread owns everything that changes. A step is:
 *
 * <ol>
 *   <li>Take in what was submitted, let go of what was cancelled.
 *   <li>Plan ({@link Scheduler}): who computes how many tokens, who is admitted, who gives way.
 *   <li>One forward pass over all tokens of the plan.
 *   <li>Sequences whose known tokens are all computed draw their next one; it is handed to the
 *       listener at once.
 *   <li>Sequences at a stop token or at their limit end and give their cache back.
 * </ol>
 *
 * <p>A fault of one sequence (its experts out of reach, its numbers out of range, a listener that
 * throws) ends that sequence alone. A defect ends the sequences it met, never the engine.
 */
public final class Engine implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(Engine.class.getName());
  private static final Duration IDLE_CHECK = Duration.ofMillis(500);
  private static final Status STOPPED =
      Status.UNAVAILABLE.withDescription("the router was stopped: retry on another one");
  private static final Status LISTENER_FAILED =
      Status.INTERNAL.withDescription("the answer could not be handed on; see the router's log");

  private final ForwardPass forward;
  private final CpuDevice device;
  private final KvPool pool;
  private final EngineLimits limits;
  private final EngineObserver observer;
  private final LongSupplier nanoClock;
  private final Thread thread;

  private final Queue<Sequence> submitted = new ConcurrentLinkedQueue<>();
  private final AtomicInteger waitingCount = new AtomicInteger();
  // Submitted and not ended; never zero while a sequence moves between queue and batch.
  private final AtomicInteger unfinished = new AtomicInteger();
  private final AtomicLong nextId = new AtomicLong(1);
  private volatile boolean draining;
  private volatile boolean closed;
  private volatile boolean stopped;
  private volatile Load load;

  // Owned by the engine's thread. By id, which is the order of arrival: who had to give way keeps
  // its place before all who came later.
  private final NavigableMap<Long, Sequence> running = new TreeMap<>();
  private final NavigableMap<Long, Sequence> waiting = new TreeMap<>();
  private float[][] logitsScratch = new float[0][];

  /**
   * What the engine does at the moment.
   *
   * @param running sequences in the batch
   * @param waiting sequences submitted and not in the batch
   * @param freeBlocks KV blocks nobody holds
   * @param totalBlocks KV blocks in all
   */
  public record Load(int running, int waiting, int freeBlocks, int totalBlocks) {}

  /** Lets a caller end what it submitted. */
  @FunctionalInterface
  public interface Handle {
    /**
     * Ends the sequence before the next step; its listener hears nothing more. From any thread, any
     * number of times.
     */
    void cancel();
  }

  /**
   * @param pool the cache that {@code forward} works on
   * @param nanoClock a clock that never goes back, in nanoseconds
   */
  public Engine(
      ForwardPass forward,
      CpuDevice device,
      KvPool pool,
      EngineLimits limits,
      EngineObserver observer,
      LongSupplier nanoClock) {
    this.forward = forward;
    this.device = device;
    this.pool = pool;
    this.limits = limits;
    this.observer = observer;
    this.nanoClock = nanoClock;
    this.load = new Load(0, 0, pool.freeBlocks(), pool.totalBlocks());
    this.thread = Thread.ofPlatform().name("router-engine").daemon().unstarted(this::loop);
    thread.start();
  }

  /**
   * Longest sequence this engine takes, prompt and output together, in tokens: the model's context
   * or the whole cache.
   */
  public int contextLength() {
    return (int) Math.min(limits.contextLength(), (long) pool.totalBlocks() * KvPool.BLOCK_TOKENS);
  }

  public EngineLimits limits() {
    return limits;
  }

  /** A view that is at most one step old. */
  public Load load() {
    return load;
  }

  /**
   * Queues a request. The listener is called on the engine's thread.
   *
   * @throws io.grpc.StatusRuntimeException INVALID_ARGUMENT for a prompt that is too long or has
   *     unknown tokens, RESOURCE_EXHAUSTED for a full queue, UNAVAILABLE while draining
   */
  public Handle submit(GenerationRequest request, GenerationListener listener) {
    check(request);
    // Counted before the look at draining, so that a drain that begins now waits for it.
    unfinished.incrementAndGet();
    Optional<Status> refusal = refusal();
    if (refusal.isPresent()) {
      unfinished.decrementAndGet();
      throw refusal.get().asRuntimeException();
    }
    Sequence sequence =
        new Sequence(
            nextId.getAndIncrement(),
            request,
            listener,
            pool,
            contextLength(),
            forward.shortTokens(),
            nanoClock.getAsLong());
    submitted.add(sequence);
    LockSupport.unpark(thread);
    if (stopped && submitted.remove(sequence)) { // else the thread took it, and tells its listener
      throw STOPPED.asRuntimeException();
    }
    return () -> {
      sequence.cancel();
      LockSupport.unpark(thread);
    };
  }

  /** Takes a place in the queue; or says why there is none. */
  private Optional<Status> refusal() {
    if (draining) {
      return Optional.of(
          Status.UNAVAILABLE.withDescription("this router is draining: use another one"));
    }
    if (waitingCount.incrementAndGet() > limits.waiting()) {
      waitingCount.decrementAndGet();
      return Optional.of(
          Status.RESOURCE_EXHAUSTED.withDescription(
              "the queue is full: "
                  + limits.waiting()
                  + " requests wait (consilium.router.waiting-limit): retry later"));
    }
    return Optional.empty();
  }

  /**
   * Refuses a prompt that does not fit, for callers that would rather know before they build it.
   *
   * @throws io.grpc.StatusRuntimeException INVALID_ARGUMENT naming both lengths
   */
  public void checkLength(int promptTokens) {
    if (promptTokens >= contextLength()) {
      throw Status.INVALID_ARGUMENT
          .withDescription(
              "the prompt has "
                  + promptTokens
                  + " tokens and leaves no room for an answer: the context holds "
                  + contextLength())
          .asRuntimeException();
    }
  }

  private void check(GenerationRequest request) {
    checkLength(request.prompt().length);
    for (int i = 0; i < request.prompt().length; i++) {
      checkToken("prompt token " + i, request.prompt()[i]);
    }
    request.sampling().logitBias().keySet().forEach(token -> checkToken("logit_bias token", token));
  }

  private void checkToken(String what, int token) {
    if (token < 0 || token >= limits.vocabularySize()) {
      throw Status.INVALID_ARGUMENT
          .withDescription(
              what
                  + " is "
                  + Integer.toUnsignedString(token)
                  + ": the vocabulary has "
                  + limits.vocabularySize()
                  + " tokens")
          .asRuntimeException();
    }
  }

  /**
   * Takes no more requests; returns when the accepted ones have ended, or after {@code limit}; true
   * if all ended.
   */
  public boolean drain(Duration limit) throws InterruptedException {
    draining = true;
    long began = nanoClock.getAsLong();
    long limitNanos = TimeUnit.NANOSECONDS.convert(limit);
    while (unfinished.get() > 0) {
      if (nanoClock.getAsLong() - began >= limitNanos) {
        return false;
      }
      Thread.sleep(10);
    }
    return true;
  }

  public boolean draining() {
    return draining;
  }

  /** Ends every sequence with UNAVAILABLE and stops the thread. */
  @Override
  public void close() {
    draining = true;
    closed = true;
    LockSupport.unpark(thread);
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // the caches must not be freed under the engine's thread
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void loop() {
    while (!closed) {
      try {
        turn();
      } catch (RuntimeException | Error e) {
        LOG.log(System.Logger.Level.ERROR, "the engine failed; its sequences end with INTERNAL", e);
        failAll(Status.INTERNAL.withDescription("the router's engine failed: " + e));
      }
    }
    stopped = true; // from here on, submit takes back what nobody has taken in
    takeIn();
    failAll(STOPPED);
    publishLoad();
  }

  private void turn() {
    takeIn();
    Scheduler.Plan plan = plan();
    if (plan.slices().isEmpty()) {
      publishLoad();
      LockSupport.parkNanos(this, IDLE_CHECK.toNanos());
    } else {
      step(plan);
      publishLoad();
    }
  }

  private void failAll(Status why) {
    List.copyOf(running.values()).forEach(sequence -> fail(sequence, why));
    List.copyOf(waiting.values()).forEach(sequence -> fail(sequence, why));
  }

  private void takeIn() {
    for (Sequence next = submitted.poll(); next != null; next = submitted.poll()) {
      waiting.put(next.id(), next);
    }
    leaveIfCancelled(running);
    leaveIfCancelled(waiting);
  }

  private void leaveIfCancelled(NavigableMap<Long, Sequence> sequences) {
    sequences.values().stream().filter(Sequence::cancelled).toList().forEach(this::leave);
  }

  private void publishLoad() {
    load = new Load(running.size(), waitingCount.get(), pool.freeBlocks(), pool.totalBlocks());
  }

  /** Plans the step, and moves sequences between queue and batch as planned. */
  private Scheduler.Plan plan() {
    Scheduler.Plan plan =
        Scheduler.plan(
            running.values().stream().map(Sequence::view).toList(),
            waiting.values().stream().limit(limits.step().running()).map(Sequence::view).toList(),
            pool.freeBlocks(),
            limits.step().forScheduler());
    plan.preempted().forEach(this::preempt);
    for (int i = 0; i < plan.admitted(); i++) {
      Sequence sequence = waiting.pollFirstEntry().getValue();
      waitingCount.decrementAndGet();
      running.put(sequence.id(), sequence);
    }
    return plan;
  }

  private void preempt(long id) {
    Sequence sequence = running.remove(id);
    if (sequence == null) {
      throw new IllegalStateException("sequence " + id + " was to give way but is not running");
    }
    sequence.forget();
    waiting.put(id, sequence);
    waitingCount.incrementAndGet();
    observer.preempted();
  }

  private Sequence runningSequence(long id) {
    Sequence sequence = running.get(id);
    if (sequence == null) {
      throw new IllegalStateException("sequence " + id + " was planned but is not running");
    }
    return sequence;
  }

  private void step(Scheduler.Plan plan) {
    long began = nanoClock.getAsLong();
    List<Sequence> sequences =
        plan.slices().stream().map(slice -> runningSequence(slice.id())).toList();
    List<EngineObserver.StepSpan> spans = new ArrayList<>(sequences.size());
    int promptTokens = 0;
    int generated = 0;
    try {
      List<BatchSlice> slices = new ArrayList<>(sequences.size());
      for (int i = 0; i < sequences.size(); i++) {
        Sequence sequence = sequences.get(i);
        int count = plan.slices().get(i).count();
        spans.add(observer.beginStep(sequence.request().trace(), sequence.prefilling(), count));
        promptTokens += sequence.promptTokens(count);
        slices.add(sequence.slice(count, spans.getLast().context(), began));
      }
      generated = advance(sequences, slices, forward.run(slices));
    } catch (RuntimeException | Error e) {
      LOG.log(System.Logger.Level.ERROR, "a step failed; its sequences end with INTERNAL", e);
      Status failed =
          Status.INTERNAL.withDescription("the router's step failed: " + e + "; see its log");
      sequences.forEach(sequence -> fail(sequence, failed));
    } finally {
      spans.forEach(EngineObserver.StepSpan::end);
      observer.stepped(promptTokens, generated, nanoClock.getAsLong() - began);
    }
  }

  /**
   * Takes the results of a step in: failures, then next tokens. Returns how many tokens were handed
   * on.
   */
  private int advance(List<Sequence> sequences, List<BatchSlice> slices, BatchResult result) {
    List<Drawing> drawings = new ArrayList<>();
    for (int i = 0; i < sequences.size(); i++) {
      Sequence sequence = sequences.get(i);
      Optional<Status> failure = result.failure(i);
      if (failure.isPresent()) {
        fail(sequence, failure.get());
      } else if (sequence.advance(slices.get(i).count())) {
        drawings.add(new Drawing(sequence, i));
      }
    }
    draw(drawings, result);
    int generated = 0;
    for (Drawing drawing : drawings) {
      generated += emit(drawing, result) ? 1 : 0;
    }
    return generated;
  }

  /** A sequence that draws its next token in this step. */
  private static final class Drawing {
    final Sequence sequence;
    final int slice;
    int token;
    Optional<Logprobs> logprobs = Optional.empty();
    Optional<Status> failure = Optional.empty();

    Drawing(Sequence sequence, int slice) {
      this.sequence = sequence;
      this.slice = slice;
    }

    void draw(float[] logits) {
      GenerationRequest request = sequence.request();
      float[] raw = request.extras().topLogprobs().isPresent() ? logits.clone() : logits;
      try {
        token =
            Sampler.sample(logits, request.sampling(), sequence.history(), sequence.generated());
      } catch (ArithmeticException e) {
        failure = Optional.of(Status.INTERNAL.withDescription(e.getMessage()));
        return;
      }
      request
          .extras()
          .topLogprobs()
          .ifPresent(count -> logprobs = Optional.of(Logprobs.of(raw, token, count)));
    }
  }

  private void draw(List<Drawing> drawings, BatchResult result) {
    if (logitsScratch.length < drawings.size()) {
      logitsScratch = new float[drawings.size()][limits.vocabularySize()];
    }
    device.parallel(
        drawings.size(),
        i -> {
          Drawing drawing = drawings.get(i);
          result.readLastLogits(drawing.slice, logitsScratch[i]);
          drawing.draw(logitsScratch[i]);
        });
  }

  /** Ends the sequence or hands its token on; true if somebody was there to hear it. */
  private boolean emit(Drawing drawing, BatchResult result) {
    Sequence sequence = drawing.sequence;
    if (drawing.failure.isPresent()) {
      fail(sequence, drawing.failure.get());
      return false;
    }
    if (sequence.request().stopTokens().contains(drawing.token)) {
      finish(sequence, GenerationListener.Reason.STOP);
      return false;
    }
    sequence.append(drawing.token, nanoClock.getAsLong());
    GenerationListener.GeneratedToken token =
        new GenerationListener.GeneratedToken(
            drawing.token, drawing.logprobs, result.chosenExperts(drawing.slice));
    if (!told(sequence, listener -> listener.onToken(token))) {
      fail(sequence, LISTENER_FAILED);
    } else if (sequence.full()) {
      finish(sequence, GenerationListener.Reason.LENGTH);
    }
    return !sequence.cancelled();
  }

  private void finish(Sequence sequence, GenerationListener.Reason reason) {
    if (leave(sequence)) {
      told(sequence, listener -> listener.onFinish(sequence.finish(reason)));
    }
  }

  private void fail(Sequence sequence, Status status) {
    if (leave(sequence)) {
      told(sequence, listener -> listener.onFailure(status));
    }
  }

  /**
   * Tells the listener, unless the sequence was cancelled; false if it throws, which must not reach
   * the other sequences.
   */
  private static boolean told(Sequence sequence, Consumer<GenerationListener> what) {
    if (sequence.cancelled()) {
      return true;
    }
    try {
      what.accept(sequence.listener());
      return true;
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.WARNING, "a listener failed; its sequence ends", e);
      return false;
    }
  }

  /** Takes a sequence out of batch or queue; false if it was in neither any more. */
  private boolean leave(Sequence sequence) {
    sequence.forget();
    boolean ran = running.remove(sequence.id()) != null;
    boolean waited = !ran && waiting.remove(sequence.id()) != null;
    if (waited) {
      waitingCount.decrementAndGet();
    }
    if (ran || waited) {
      unfinished.decrementAndGet();
    }
    return ran || waited;
  }
}
