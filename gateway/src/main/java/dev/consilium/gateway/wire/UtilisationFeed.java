package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.routing.ExpertTokens;
import dev.consilium.gateway.routing.RouterConnection;
import dev.consilium.proto.inference.v1.ExpertTokenCount;
import dev.consilium.proto.inference.v1.UtilisationResponse;
import io.grpc.stub.ServerCallStreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Tokens by expert over all routers. Asks each router anew for each snapshot, so that routers may
 * come and go under an open stream; one that does not answer fails the stream rather than silently
 * lowering the counts.
 */
public final class UtilisationFeed {
  private static final long LEAST_INTERVAL_MILLIS = 100;

  /** Feeds at once: each asks every router anew for every snapshot. */
  private static final int MOST_FEEDS = 16;

  private final Supplier<List<RouterConnection>> routers;
  private final Semaphore free = new Semaphore(MOST_FEEDS);

  public UtilisationFeed(Supplier<List<RouterConnection>> routers) {
    this.routers = routers;
  }

  /** Snapshots every so many milliseconds until the caller leaves; with 0 one. */
  void start(
      long intervalMillis,
      ServerCallStreamObserver<UtilisationResponse> caller,
      ExecutorService threads) {
    if (intervalMillis != 0 && intervalMillis < LEAST_INTERVAL_MILLIS) {
      String message =
          "interval_millis is %d, expected 0 or at least %d"
              .formatted(intervalMillis, LEAST_INTERVAL_MILLIS);
      Fault fault = Fault.invalid("interval_millis", "out_of_range", message);
      caller.onError(Faults.status(fault).asRuntimeException());
      return;
    }
    if (!free.tryAcquire()) {
      String message = "all %d utilisation feeds are taken: try again later".formatted(MOST_FEEDS);
      Fault fault = Fault.of(Fault.Kind.OVERLOADED, "overloaded", message);
      caller.onError(Faults.status(fault).asRuntimeException());
      return;
    }
    CountDownLatch left = new CountDownLatch(1);
    caller.setOnCancelHandler(left::countDown);
    try {
      threads.execute(() -> feed(intervalMillis, caller, left));
    } catch (RejectedExecutionException stopping) {
      free.release();
      caller.onError(Faults.stopping());
    }
  }

  private void feed(
      long intervalMillis,
      ServerCallStreamObserver<UtilisationResponse> caller,
      CountDownLatch left) {
    try {
      do {
        // A caller that reads slowly misses snapshots, which are totals anyway.
        if (caller.isReady()) {
          caller.onNext(snapshot());
        }
      } while (intervalMillis > 0 && !left.await(intervalMillis, TimeUnit.MILLISECONDS));
      caller.onCompleted();
    } catch (IOException e) {
      Fault fault =
          Fault.of(
              Fault.Kind.UNAVAILABLE,
              "router_unavailable",
              "a router did not tell its counts: " + e.getMessage());
      caller.onError(Faults.status(fault).asRuntimeException());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      caller.onError(Faults.stopping());
    } catch (RuntimeException | Error e) {
      // The server's own interceptor logs it and answers INTERNAL.
      caller.onError(e);
    } finally {
      free.release();
    }
  }

  private record Place(int layer, int expert, String node) implements Comparable<Place> {
    @Override
    public int compareTo(Place other) {
      int byLayer = Integer.compare(layer, other.layer);
      int byExpert = byLayer != 0 ? byLayer : Integer.compare(expert, other.expert);
      return byExpert != 0 ? byExpert : node.compareTo(other.node);
    }
  }

  private UtilisationResponse snapshot() throws IOException {
    TreeMap<Place, Long> sums = new TreeMap<>();
    for (RouterConnection router : routers.get()) {
      for (ExpertTokens count : router.utilisation()) {
        sums.merge(
            new Place(count.layer(), count.expert(), count.node()), count.tokens(), Long::sum);
      }
    }
    UtilisationResponse.Builder response = UtilisationResponse.newBuilder();
    sums.forEach((place, tokens) ->
        response.addCounts(
            ExpertTokenCount.newBuilder()
                .setLayer(place.layer())
                .setExpert(place.expert())
                .setNode(place.node())
                .setTokens(tokens)));
    return response.build();
  }
}
