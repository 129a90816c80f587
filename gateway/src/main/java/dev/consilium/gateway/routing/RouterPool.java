package dev.consilium.gateway.routing;

import dev.consilium.gateway.generation.Cancellation;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.RequestException;
import dev.consilium.gateway.generation.TokenRequest;
import dev.consilium.gateway.generation.TokenSource;
import dev.consilium.gateway.generation.TokenStream;
import dev.consilium.serving.Target;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

/**
 * All routers this gateway knows. Sequences go to the best of those that can serve; one that fails
 * before its first token goes to another, at most {@link #ATTEMPTS} in all. Any thread.
 */
public final class RouterPool implements TokenSource, AutoCloseable {
  private static final Logger LOG = System.getLogger(RouterPool.class.getName());

  /** Routers tried for one sequence. */
  private static final int ATTEMPTS = 3;

  private final RouterAddresses addresses;
  private final Function<Target, RouterConnection> connect;
  private final Timing timing;
  private final String modelFingerprint;
  private final Map<Target, RouterMember> members = new ConcurrentHashMap<>();
  private final AtomicLong choices = new AtomicLong();
  private final Thread discovery;

  /**
   * How often to look.
   *
   * @param poll between two status polls of a router that serves
   * @param pollNotReady the same of one that does not
   * @param lookUp between two look-ups of addresses
   */
  public record Timing(Duration poll, Duration pollNotReady, Duration lookUp) {}

  /** {@code connect} makes the line to an address, without waiting for it. */
  public RouterPool(
      RouterAddresses addresses,
      Function<Target, RouterConnection> connect,
      Timing timing,
      String modelFingerprint) {
    this.addresses = addresses;
    this.connect = connect;
    this.timing = timing;
    this.modelFingerprint = modelFingerprint;
    this.discovery = Thread.ofVirtual().name("router-discovery").unstarted(this::discover);
  }

  public void start() {
    discovery.start();
  }

  /** For each router by address why it cannot serve; empty for those that can. */
  public Map<String, Optional<String>> obstacles() {
    Map<String, Optional<String>> byAddress = new TreeMap<>();
    for (RouterView view : views()) {
      byAddress.put(view.address().toString(), view.obstacle(modelFingerprint));
    }
    return byAddress;
  }

  /** Longest sequence that a router which can serve holds, in tokens; unbounded if none can. */
  public int contextLength() {
    return views().stream()
        .filter(view -> view.obstacle(modelFingerprint).isEmpty())
        .mapToInt(RouterView::contextLength)
        .max()
        .orElse(Integer.MAX_VALUE);
  }

  /** The lines to the routers that answer, whether or not they can serve. */
  public List<RouterConnection> connections() {
    return members.values().stream()
        .filter(member -> member.view().report() instanceof RouterView.Report.Answered)
        .map(RouterMember::connection)
        .toList();
  }

  @Override
  public TokenStream open(TokenRequest request, Cancellation cancellation) {
    return new PersistentStream(this, request, cancellation);
  }

  /** Opens on the best router not tried yet, and adds it to those. */
  PlacedStream place(TokenRequest request, Cancellation cancellation, Set<Target> tried) {
    if (tried.size() < ATTEMPTS) {
      Optional<RouterView> best =
          RouterChoice.choose(withRoomFor(request), modelFingerprint, tried);
      RouterMember member = best.map(view -> members.get(view.address())).orElse(null);
      if (best.isPresent() && member != null) {
        tried.add(best.get().address());
        member.began(choices.incrementAndGet());
        return PlacedStream.open(member, request, cancellation);
      }
    }
    throw noRouter();
  }

  /** Routers may differ in the cache they have. */
  private List<RouterView> withRoomFor(TokenRequest request) {
    return views().stream().filter(view -> view.contextLength() > request.prompt().size()).toList();
  }

  private RequestException noRouter() {
    List<String> reasons = new ArrayList<>();
    obstacles()
        .forEach((address, obstacle) ->
            reasons.add(
                address + " " + obstacle.orElse("failed this request, or is too small for it")));
    String why = reasons.isEmpty() ? "none is known" : String.join("; ", reasons);
    return Fault.of(
            Fault.Kind.UNAVAILABLE, "router_unavailable", "no router can serve the request: " + why)
        .exception();
  }

  private List<RouterView> views() {
    return members.values().stream().map(RouterMember::view).toList();
  }

  private void discover() {
    String complaint = "";
    try {
      while (true) {
        complaint = refresh(complaint);
        Thread.sleep(timing.lookUp());
      }
    } catch (InterruptedException closed) {
      Thread.currentThread().interrupt();
    }
  }

  /** Keeps what it knows when a look-up fails, and complains once until it works again. */
  private String refresh(String complaint) {
    try {
      apply(addresses.lookUp());
      return "";
    } catch (IOException e) {
      String message = "router addresses cannot be looked up, keeping those known: " + e;
      if (!message.equals(complaint)) {
        LOG.log(Level.WARNING, message);
      }
      return message;
    } catch (RuntimeException e) {
      String message = "defect while looking for routers, keeping those known: " + e;
      if (!message.equals(complaint)) {
        LOG.log(Level.ERROR, message, e);
      }
      return message;
    }
  }

  private synchronized void apply(Set<Target> found) {
    for (Target address : found) {
      members.computeIfAbsent(address, this::join);
    }
    Set<Target> gone = new HashSet<>(members.keySet());
    gone.removeAll(found);
    for (Target address : gone) {
      RouterMember member = members.remove(address);
      if (member != null) {
        member.close();
      }
    }
  }

  private RouterMember join(Target address) {
    RouterMember member =
        new RouterMember(
            address,
            connect.apply(address),
            new RouterMember.PollInterval(timing.poll(), timing.pollNotReady()),
            modelFingerprint);
    member.start();
    return member;
  }

  @Override
  public synchronized void close() {
    discovery.interrupt();
    members.values().forEach(RouterMember::close);
    members.clear();
  }
}
