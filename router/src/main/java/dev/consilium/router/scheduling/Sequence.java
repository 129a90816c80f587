package dev.consilium.router.scheduling;

import dev.consilium.router.forward.BatchSlice;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.router.sampling.TokenHistory;
import io.opentelemetry.context.Context;
import java.time.Duration;
import java.util.Arrays;

/**
 * One request on its way through the engine. Owned by the engine's thread, apart from {@link
 * #cancel()}.
 */
final class Sequence {
  private final long id;
  private final GenerationRequest request;
  private final GenerationListener listener;
  private final SequenceCache cache;
  private final TokenHistory history;
  private final int lengthLimit;
  private final int shortTokens;
  private final long submittedNanos;
  private int[] tokens;
  private int length;
  private int computed;
  private boolean started;
  private long startedNanos;
  private long firstTokenNanos;
  private long lastTokenNanos;
  private volatile boolean cancelled;

  /**
   * @param lengthLimit most tokens of prompt and output together
   * @param shortTokens the length at which the next token makes the cache worthless, see {@link
   *     dev.consilium.router.forward.ForwardPass#shortTokens}
   */
  Sequence(
      long id,
      GenerationRequest request,
      GenerationListener listener,
      KvPool pool,
      int lengthLimit,
      int shortTokens,
      long nowNanos) {
    this.id = id;
    this.request = request;
    this.listener = listener;
    this.cache = new SequenceCache(pool);
    this.history = new TokenHistory(request.prompt());
    this.lengthLimit = lengthLimit;
    this.shortTokens = shortTokens;
    this.submittedNanos = nowNanos;
    this.tokens = request.prompt().clone();
    this.length = tokens.length;
  }

  long id() {
    return id;
  }

  GenerationRequest request() {
    return request;
  }

  GenerationListener listener() {
    return listener;
  }

  TokenHistory history() {
    return history;
  }

  /** Asks for the end; heard before the next step. From any thread. */
  void cancel() {
    cancelled = true;
  }

  boolean cancelled() {
    return cancelled;
  }

  Scheduler.View view() {
    return new Scheduler.View(id, computed, length, cache.blocks());
  }

  boolean prefilling() {
    return computed < request.prompt().length;
  }

  /** How many of the next {@code count} tokens belong to the prompt. */
  int promptTokens(int count) {
    return Math.clamp(request.prompt().length - computed, 0, count);
  }

  /** The next {@code count} tokens, with room in the cache for them. */
  BatchSlice slice(int count, Context trace, long nowNanos) {
    if (!started) {
      started = true;
      startedNanos = nowNanos;
    }
    cache.reserve(computed + count);
    boolean last = computed + count == length;
    return new BatchSlice(
        cache,
        tokens,
        computed,
        count,
        length,
        last ? BatchSlice.Logits.LAST : BatchSlice.Logits.NONE,
        last && request.extras().expertTrace(),
        trace);
  }

  /**
   * Notes that the next {@code count} tokens are in the cache; true if the sequence waits for its
   * next token now.
   */
  boolean advance(int count) {
    computed += count;
    cache.computed(computed);
    return computed == length;
  }

  /** Index of the token to generate next. */
  int generated() {
    return length - request.prompt().length;
  }

  /** Takes a generated token in. */
  void append(int token, long nowNanos) {
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(16, 2 * length));
    }
    if (length == shortTokens) {
      forget();
    }
    tokens[length++] = token;
    history.add(token);
    lastTokenNanos = nowNanos;
    if (generated() == 1) {
      firstTokenNanos = nowNanos;
    }
  }

  boolean full() {
    return generated() == request.maxTokens() || length == lengthLimit;
  }

  /** Gives the cache back; everything is computed again when the sequence runs next. */
  void forget() {
    cache.release();
    computed = 0;
  }

  GenerationListener.Finish finish(GenerationListener.Reason reason) {
    return new GenerationListener.Finish(
        reason,
        request.prompt().length,
        generated(),
        Duration.ofNanos(startedNanos - submittedNanos),
        generated() == 0 ? Duration.ZERO : Duration.ofNanos(firstTokenNanos - submittedNanos),
        Duration.ofNanos(lastTokenNanos - firstTokenNanos));
  }
}
