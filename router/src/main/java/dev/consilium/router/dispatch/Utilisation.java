package dev.consilium.router.dispatch;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Exact counts of tokens per layer, expert and the node that computed them, since the router
 * started.
 */
public final class Utilisation {
  private record Key(int layer, int expert, String node) {}

  /** Tokens that a node computed for an expert. */
  public record Count(int layer, int expert, String node, long tokens) {}

  private final Map<Key, LongAdder> counts = new ConcurrentHashMap<>();

  /** Notes that {@code node} computed {@code tokens} tokens. */
  public void add(int layer, int expert, String node, int tokens) {
    counts.computeIfAbsent(new Key(layer, expert, node), key -> new LongAdder()).add(tokens);
  }

  /** All counts, in no order. */
  public List<Count> counts() {
    List<Count> all = new ArrayList<>(counts.size());
    counts.forEach(
        (key, tokens) -> all.add(new Count(key.layer(), key.expert(), key.node(), tokens.sum())));
    return all;
  }
}
