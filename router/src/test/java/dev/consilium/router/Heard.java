package dev.consilium.router;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.router.scheduling.GenerationListener;
import io.grpc.Status;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Remembers what became of a request, and lets a test wait for it. */
public final class Heard implements GenerationListener {
  private static final int PATIENCE_SECONDS = 30;

  private final List<GeneratedToken> tokens = new CopyOnWriteArrayList<>();
  private final CountDownLatch first = new CountDownLatch(1);
  private final CompletableFuture<Finish> finish = new CompletableFuture<>();
  private final CompletableFuture<Status> failure = new CompletableFuture<>();

  @Override
  public void onToken(GeneratedToken token) {
    assertThat(ended()).as("a token after the end").isFalse();
    tokens.add(token);
    first.countDown();
  }

  @Override
  public void onFinish(Finish how) {
    assertThat(ended()).as("a second end").isFalse();
    finish.complete(how);
    failure.completeExceptionally(new AssertionError("finished: " + how));
  }

  @Override
  public void onFailure(Status why) {
    assertThat(ended()).as("a second end").isFalse();
    failure.complete(why);
    finish.completeExceptionally(why.asRuntimeException());
  }

  public boolean ended() {
    return finish.isDone() || failure.isDone();
  }

  public List<Integer> tokens() {
    return tokens.stream().map(GeneratedToken::id).toList();
  }

  public List<GeneratedToken> details() {
    return tokens;
  }

  public void awaitFirstToken() throws InterruptedException {
    assertThat(first.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).as("a token comes").isTrue();
  }

  public Finish awaitFinish() throws InterruptedException {
    return await(finish);
  }

  public Status awaitFailure() throws InterruptedException {
    return await(failure);
  }

  private static <T> T await(CompletableFuture<T> end) throws InterruptedException {
    try {
      return end.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new AssertionError("the request did not end as expected", e);
    }
  }
}
