package dev.consilium.router.dispatch;

import dev.consilium.model.expert.ExpertId;
import dev.consilium.placement.NodeExperts;
import dev.consilium.placement.Placement;
import dev.consilium.serving.Target;
import io.grpc.Status;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/**
 * The expert nodes of the cluster and what they hold, looked at again and again.
 *
 * <p>A node is used if it answers, serves the same model, takes batches of our size and does not
 * drain. Threading: looks are taken one at a time, by a thread of its own or by the engine when a
 * node says that its epoch has changed; anybody may read the last one.
 */
public final class NodeDirectory implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(NodeDirectory.class.getName());

  private final List<Target> targets;
  private final Resolver resolver;
  private final Function<Target, ExpertNode> connector;
  private final Expectations expectations;
  private final Duration lookTimeout;
  // Guarded by this.
  private final Map<String, ExpertNode> connected = new LinkedHashMap<>();
  private final Map<String, String> reported = new TreeMap<>();
  private final Map<Target, List<Target>> resolved = new HashMap<>();
  private boolean closed;

  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("router-nodes").daemon().factory());
  private volatile View view;

  /**
   * What a node must be like to be used.
   *
   * @param fingerprint of our model
   * @param hiddenSize of our model, as experts see it
   * @param tokens the most that a dispatch of ours carries
   * @param expertCounts routed experts by layer
   */
  public record Expectations(
      String fingerprint, int hiddenSize, int tokens, SortedMap<Integer, Integer> expertCounts) {}

  /**
   * The result of one look.
   *
   * @param placement of the nodes that are used
   * @param nodes those nodes by name
   * @param limits what they take, by name
   * @param statuses of all nodes, used or not
   */
  public record View(
      Placement placement,
      Map<String, ExpertNode> nodes,
      Map<String, ExpertNode.Limits> limits,
      List<NodeStatus> statuses) {
    static View nothing(SortedMap<Integer, Integer> expertCounts) {
      return new View(Placement.of(expertCounts, List.of()), Map.of(), Map.of(), List.of());
    }
  }

  private record Look(
      ExpertNode node, Optional<ExpertNode.Description> description, Optional<String> problem) {}

  /** Finds the servers behind a target. */
  interface Resolver {
    List<Target> servers(Target target) throws UnknownHostException;
  }

  /**
   * @param connector makes a node from where it is
   * @param lookTimeout longest wait for the nodes' descriptions
   */
  public NodeDirectory(
      List<Target> targets,
      Function<Target, ExpertNode> connector,
      Expectations expectations,
      Duration lookTimeout) {
    this(targets, Target::servers, connector, expectations, lookTimeout);
  }

  NodeDirectory(
      List<Target> targets,
      Resolver resolver,
      Function<Target, ExpertNode> connector,
      Expectations expectations,
      Duration lookTimeout) {
    this.targets = List.copyOf(targets);
    this.resolver = resolver;
    this.connector = connector;
    this.expectations = expectations;
    this.lookTimeout = lookTimeout;
    this.view = View.nothing(expectations.expertCounts());
  }

  /** Looks now and then again every {@code interval}. */
  @SuppressWarnings("FutureReturnValueIgnored") // the task throws nothing, and ends with the timer
  public void watch(Duration interval) {
    timer.scheduleWithFixedDelay(this::lookAndLog, 0, interval.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void lookAndLog() {
    try {
      look();
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.ERROR, "looking at the expert nodes failed; will try again", e);
    }
  }

  /** The last look. */
  public View view() {
    return view;
  }

  /** Asks every node what it holds. */
  public synchronized View look() {
    if (closed) {
      return view; // a look that was due when we closed must not connect again
    }
    connect();
    Map<ExpertNode, CompletableFuture<ExpertNode.Description>> asked = new LinkedHashMap<>();
    connected.values().forEach(node -> asked.put(node, node.describe()));
    long deadline = System.nanoTime() + lookTimeout.toNanos();
    List<Look> looks = new ArrayList<>();
    asked.forEach((node, answer) -> looks.add(judge(node, answer, deadline)));
    view = toView(looks);
    return view;
  }

  /** Brings connections in line with the addresses behind the targets. */
  private void connect() {
    Map<String, Target> wanted = new LinkedHashMap<>();
    for (Target target : targets) {
      servers(target).forEach(server -> wanted.put(server.toString(), server));
    }
    for (String address : List.copyOf(connected.keySet())) {
      if (!wanted.containsKey(address)) {
        closing(address);
      }
    }
    wanted.forEach(
        (address, target) -> connected.computeIfAbsent(address, a -> connector.apply(target)));
  }

  /** The servers behind a target; while its name does not resolve, those it last resolved to. */
  private List<Target> servers(Target target) {
    try {
      List<Target> servers = resolver.servers(target);
      resolved.put(target, servers);
      reported.remove(unresolved(target));
      return servers;
    } catch (UnknownHostException e) {
      report(unresolved(target), Optional.of("does not resolve"), System.Logger.Level.INFO);
      return resolved.getOrDefault(target, List.of());
    }
  }

  private static String unresolved(Target target) {
    return "name " + target;
  }

  private void closing(String address) {
    ExpertNode gone = connected.remove(address);
    reported.remove(address);
    if (gone != null) {
      gone.close();
    }
  }

  private Look judge(
      ExpertNode node, CompletableFuture<ExpertNode.Description> answer, long deadlineNanos) {
    Look look;
    try {
      ExpertNode.Description description =
          answer.get(Math.max(0, deadlineNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
      look = new Look(node, Optional.of(description), problem(description));
    } catch (ExecutionException e) {
      look = new Look(node, Optional.empty(), Optional.of(unreachable(e)));
    } catch (TimeoutException e) {
      look = new Look(node, Optional.empty(), Optional.of("does not answer within " + lookTimeout));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      look = new Look(node, Optional.empty(), Optional.of("was not asked to the end"));
    }
    report(node.address(), look.problem(), levelOf(look));
    return look;
  }

  /** A node that is not there may come; one that answers and does not fit needs a person. */
  private static System.Logger.Level levelOf(Look look) {
    boolean misfit =
        look.problem().isPresent()
            && look.description().isPresent()
            && !look.description().get().draining();
    return misfit ? System.Logger.Level.WARNING : System.Logger.Level.INFO;
  }

  private static String unreachable(ExecutionException e) {
    Status status = Status.fromThrowable(e);
    return "cannot be reached: " + status.getCode() + " " + status.getDescription();
  }

  private Optional<String> problem(ExpertNode.Description node) {
    if (!node.fingerprint().equals(expectations.fingerprint())) {
      return Optional.of(
          "serves another model (fingerprint %s, ours is %s): give both the same consilium.model"
              .formatted(node.fingerprint(), expectations.fingerprint()));
    }
    if (node.limits().hiddenSize() != expectations.hiddenSize()) {
      return Optional.of(
          "has hidden size %d, ours is %d"
              .formatted(node.limits().hiddenSize(), expectations.hiddenSize()));
    }
    if (node.limits().tokens() < expectations.tokens()) {
      return Optional.of(
          "takes %d tokens in a dispatch, ours carry up to %d: lower consilium.router.max-batch-tokens or raise consilium.node.max-tokens-per-dispatch"
              .formatted(node.limits().tokens(), expectations.tokens()));
    }
    if (node.limits().answerRows() < expectations.tokens()) {
      return Optional.of(
          "answers at most %d rows in a message, one expert of ours may see %d tokens: lower consilium.router.max-batch-tokens or raise consilium.grpc.max-message"
              .formatted(node.limits().answerRows(), expectations.tokens()));
    }
    if (node.node().isEmpty()) {
      return Optional.of("has no name: give it a consilium.node.name");
    }
    return node.held().stream()
        .filter(expert -> !exists(expert))
        .min(Comparator.naturalOrder())
        .map(expert -> "says that it holds " + expert + ", which the model does not have")
        .or(() -> node.draining() ? Optional.of("is draining") : Optional.empty());
  }

  private boolean exists(ExpertId expert) {
    int count = expectations.expertCounts().getOrDefault(expert.layer(), 0);
    return expert.index() >= 0 && expert.index() < count;
  }

  /** Logs a node's problem when it begins or changes, and its end. */
  private void report(String address, Optional<String> problem, System.Logger.Level level) {
    String now = problem.orElse("");
    String before = reported.put(address, now);
    if (now.equals(before == null ? "" : before)) {
      return;
    }
    LOG.log(
        level,
        now.isEmpty()
            ? "expert node " + address + " is in use"
            : "expert node " + address + " is not used: it " + now);
  }

  private View toView(List<Look> looks) {
    List<NodeExperts> experts = new ArrayList<>();
    Map<String, ExpertNode> nodes = new TreeMap<>();
    Map<String, ExpertNode.Limits> limits = new TreeMap<>();
    List<NodeStatus> statuses = new ArrayList<>();
    for (Look look : looks) {
      Optional<String> problem = look.problem();
      if (look.description().isPresent() && problem.isEmpty()) {
        ExpertNode.Description description = look.description().get();
        if (nodes.putIfAbsent(description.node(), look.node()) == null) {
          experts.add(holdings(description));
          limits.put(description.node(), description.limits());
        } else {
          problem = Optional.of("has the name of another node, " + description.node());
        }
      }
      statuses.add(
          new NodeStatus(
              look.node().address(), look.description(), problem, look.node().inFlight()));
    }
    return new View(
        Placement.of(expectations.expertCounts(), experts),
        Collections.unmodifiableMap(nodes),
        Collections.unmodifiableMap(limits),
        List.copyOf(statuses));
  }

  private static NodeExperts holdings(ExpertNode.Description description) {
    return new NodeExperts(description.node(), description.epoch(), byLayer(description.held()));
  }

  private static SortedMap<Integer, SortedSet<Integer>> byLayer(Collection<ExpertId> experts) {
    SortedMap<Integer, SortedSet<Integer>> layers = new TreeMap<>();
    for (ExpertId expert : experts) {
      layers.computeIfAbsent(expert.layer(), layer -> new TreeSet<>()).add(expert.index());
    }
    return layers;
  }

  /** Why not every expert can be reached; empty if all can. */
  public Optional<String> missing() {
    View now = view;
    SortedMap<Integer, SortedSet<Integer>> missing = now.placement().missing();
    if (missing.isEmpty()) {
      return Optional.empty();
    }
    int layer = missing.firstKey();
    int count = missing.values().stream().mapToInt(experts -> experts.size()).sum();
    return Optional.of(
        "%d experts are on no node in use (the first: layer %d experts %s); nodes: %s"
            .formatted(count, layer, missing.get(layer), describe(now.statuses())));
  }

  private static String describe(List<NodeStatus> statuses) {
    List<String> all = new ArrayList<>();
    for (NodeStatus status : statuses) {
      all.add(status.address() + " " + status.problem().orElse("is in use"));
    }
    return all.isEmpty() ? "none known" : String.join("; ", all);
  }

  @Override
  public void close() {
    timer.shutdownNow();
    synchronized (this) {
      closed = true;
      connected.values().forEach(ExpertNode::close);
      connected.clear();
    }
  }
}
