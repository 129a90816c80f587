package dev.consilium.router.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.expert.ExpertId;
import dev.consilium.router.dispatch.ExpertNode.Description;
import dev.consilium.serving.Target;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NodeDirectoryTest {
  private static final Target NAME = new Target("nodes", 9, true);

  private final Map<String, FakeNode> nodes = new HashMap<>();
  private final List<String> connected = new ArrayList<>();
  private List<Target> behindName = List.of(server("a"), server("b"));
  private boolean resolves = true;
  private final NodeDirectory directory = directory(Duration.ofSeconds(10));

  private NodeDirectory directory(Duration lookTimeout) {
    return new NodeDirectory(
        List.of(NAME),
        target -> {
          if (!resolves) {
            throw new UnknownHostException(target.host());
          }
          return behindName;
        },
        target -> {
          connected.add(target.host());
          return node(target.host());
        },
        new NodeDirectory.Expectations(
            FakeNode.FINGERPRINT,
            FakeNode.HIDDEN,
            FakeNode.TOKENS,
            new TreeMap<>(Map.of(FakeNode.LAYER, 4))),
        lookTimeout);
  }

  @AfterEach
  void close() {
    directory.close();
  }

  private static Target server(String host) {
    return new Target(host, 9, false);
  }

  private FakeNode node(String host) {
    return nodes.computeIfAbsent(host, name -> new FakeNode(name + ":9"));
  }

  @Test
  void look_fittingNodes_placesTheirExperts() {
    node("a").holding(1, 0, 1);
    node("b").holding(2, 2, 3);
    NodeDirectory.View view = directory.look();
    assertThat(view.nodes()).containsOnlyKeys("a", "b");
    assertThat(view.placement().replicas(FakeNode.LAYER, 3).getFirst().node()).isEqualTo("b");
    assertThat(view.statuses()).allMatch(status -> status.problem().isEmpty());
    assertThat(directory.missing()).isEmpty();
    assertThat(directory.view()).isSameAs(view);
  }

  @Test
  void missing_beforeAnyLook_namesExperts() {
    assertThat(directory.missing().orElseThrow())
        .contains("4 experts", "layer 3", "[0, 1, 2, 3]", "none known");
  }

  @Test
  void missing_expertOnNoNode_namesItAndEveryNode() {
    node("a").holding(1, 0, 1);
    node("b").gone();
    directory.look();
    assertThat(directory.missing().orElseThrow())
        .contains("2 experts", "[2, 3]", "a:9 is in use", "b:9 cannot be reached", "refused");
  }

  @Test
  void look_nodesThatDoNotFit_areNotUsedAndSayWhy() {
    assertNotUsed(
        fitting -> with(fitting, fitting.node(), "other", FakeNode.HIDDEN, 64, false),
        "fingerprint other",
        "ours is model");
    assertNotUsed(
        fitting -> with(fitting, fitting.node(), FakeNode.FINGERPRINT, 8, 64, false),
        "hidden size 8",
        "ours is 4");
    assertNotUsed(
        fitting -> with(fitting, fitting.node(), FakeNode.FINGERPRINT, FakeNode.HIDDEN, 63, false),
        "takes 63 tokens",
        "up to 64",
        "consilium.router.max-batch-tokens");
    assertNotUsed(
        fitting -> with(fitting, fitting.node(), FakeNode.FINGERPRINT, FakeNode.HIDDEN, 64, true),
        "draining");
    assertNotUsed(
        fitting -> with(fitting, "", FakeNode.FINGERPRINT, FakeNode.HIDDEN, 64, false), "no name");
  }

  @Test
  void look_nodeWithExpertTheModelLacks_isNotUsedAndSpoilsNothing() {
    for (ExpertId alien :
        List.of(
            new ExpertId(FakeNode.LAYER, 4),
            new ExpertId(FakeNode.LAYER, -1),
            new ExpertId(0, 0))) {
      assertNotUsed(
          fitting ->
              new Description(
                  fitting.node(),
                  fitting.fingerprint(),
                  fitting.device(),
                  1,
                  Set.of(alien, new ExpertId(FakeNode.LAYER, 1)),
                  fitting.limits(),
                  false),
          alien.toString(),
          "does not have");
    }
  }

  @Test
  void look_nodeWhoseMessagesAreTooSmall_isNotUsed() {
    assertNotUsed(
        fitting ->
            new Description(
                fitting.node(),
                fitting.fingerprint(),
                fitting.device(),
                1,
                fitting.held(),
                new ExpertNode.Limits(FakeNode.HIDDEN, FakeNode.TOKENS, 63),
                false),
        "at most 63 rows",
        "64 tokens",
        "consilium.grpc.max-message");
  }

  private void assertNotUsed(UnaryOperator<Description> change, String... words) {
    node("a").holding(1, 0, 1);
    node("b").describing(change.apply(FakeNode.description("b", 1, 2, 3)));
    NodeDirectory.View view = directory.look();
    assertThat(view.nodes()).containsOnlyKeys("a");
    assertThat(view.statuses().get(1).problem().orElseThrow()).contains(words);
    assertThat(directory.missing()).isPresent();
  }

  private static Description with(
      Description of, String name, String fingerprint, int hidden, int tokens, boolean draining) {
    return new Description(
        name,
        fingerprint,
        of.device(),
        of.epoch(),
        of.held(),
        new ExpertNode.Limits(hidden, tokens, FakeNode.ANSWER_ROWS),
        draining);
  }

  @Test
  void look_twoNodesOfOneName_usesTheFirstOnly() {
    node("a").describing(FakeNode.description("same", 1, 0, 1));
    node("b").describing(FakeNode.description("same", 1, 2, 3));
    NodeDirectory.View view = directory.look();
    assertThat(view.nodes().values()).containsExactly(node("a"));
    assertThat(view.statuses().get(1).problem().orElseThrow())
        .contains("name of another node", "same");
    assertThat(view.placement().replicas(FakeNode.LAYER, 2)).isEmpty();
  }

  @Test
  void look_nodeThatDoesNotAnswer_isLeftOutAfterTheTimeout() {
    try (NodeDirectory impatient = directory(Duration.ofMillis(50))) {
      node("a").holding(1, 0);
      node("b").described = node -> new CompletableFuture<>();
      NodeDirectory.View view = impatient.look();
      assertThat(view.nodes()).containsOnlyKeys("a");
      assertThat(view.statuses().get(1).problem().orElseThrow()).contains("does not answer");
    }
  }

  @Test
  void look_nameResolvesToOthers_connectsAndCloses() {
    directory.look();
    behindName = List.of(server("b"), server("c"));
    directory.look();
    assertThat(connected).containsExactly("a", "b", "c");
    assertThat(node("a").closed).isTrue();
    assertThat(node("b").closed).isFalse();
  }

  @Test
  void look_nameDoesNotResolveForAWhile_keepsItsNodes() {
    node("a").holding(1, 0, 1);
    node("b").holding(1, 2, 3);
    directory.look();
    resolves = false;
    assertThat(directory.look().nodes()).containsOnlyKeys("a", "b");
    assertThat(node("a").closed).isFalse();
    resolves = true;
    directory.look();
    assertThat(connected).containsExactly("a", "b");
  }

  @Test
  void look_nameNeverResolved_hasNoNodes() {
    resolves = false;
    assertThat(directory.look().nodes()).isEmpty();
  }

  @Test
  void close_nodes_areClosedAndNotConnectedAgain() {
    directory.look();
    directory.close();
    assertThat(node("a").closed).isTrue();
    assertThat(node("b").closed).isTrue();
    directory.look();
    assertThat(connected).containsExactly("a", "b");
  }

  @Test
  void watch_defectInOneLook_looksOn() throws InterruptedException {
    CountDownLatch looks = new CountDownLatch(3);
    node("a").described =
        node -> {
          looks.countDown();
          throw new IllegalStateException("a defect");
        };
    directory.watch(Duration.ofMillis(1));
    assertThat(looks.await(30, TimeUnit.SECONDS)).isTrue();
  }
}
