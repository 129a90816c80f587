package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyEgressRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyIngressRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPort;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiFunction;

/**
 * What may connect to what, exactly: everything is denied, and the policies together draw these
 * arrows and no other. An arrow between two of our pods must be drawn at both ends, or the
 * connection is refused at the one that lacks it.
 */
final class NetworkRule implements Rule {

  private static final String COMPONENT = "app.kubernetes.io/component";
  private static final String ALL = "all";

  private static final Set<Arrow> INGRESS =
      Set.of(
          new Arrow("anywhere", "gateway", 8080),
          new Arrow("anywhere", "gateway", 9000),
          new Arrow("gateway", "router", 9100),
          new Arrow("router", "expert-node", 9200),
          new Arrow("namespace:monitoring", ALL, 9464));

  private static final Set<Arrow> EGRESS =
      Set.of(
          new Arrow("gateway", "router", 9100),
          new Arrow("router", "expert-node", 9200),
          new Arrow(ALL, "namespace:kube-system", 53),
          new Arrow(ALL, "namespace:monitoring", 4317));

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    List<NetworkPolicy> policies = cluster.all(NetworkPolicy.class);
    problems.require(
        policies.stream().anyMatch(NetworkRule::deniesAll),
        "NetworkPolicy",
        "none that denies everything by default");
    Set<Arrow> ingress = new TreeSet<>();
    Set<Arrow> egress = new TreeSet<>();
    for (NetworkPolicy policy : policies) {
      policy.getSpec().getIngress().forEach(rule -> ingress.addAll(arrows(policy, rule)));
      policy.getSpec().getEgress().forEach(rule -> egress.addAll(arrows(policy, rule)));
      checkTypes(policy, problems);
    }
    problems.require(
        ingress.equals(new TreeSet<>(INGRESS)),
        "NetworkPolicy ingress",
        "is " + ingress + ", expected " + new TreeSet<>(INGRESS));
    problems.require(
        egress.equals(new TreeSet<>(EGRESS)),
        "NetworkPolicy egress",
        "is " + egress + ", expected " + new TreeSet<>(EGRESS));
    ingress.forEach(arrow -> checkTarget(cluster, arrow, problems));
    return problems.found();
  }

  private static boolean deniesAll(NetworkPolicy policy) {
    var spec = policy.getSpec();
    return subject(policy).equals(ALL)
        && spec.getPolicyTypes().containsAll(List.of("Ingress", "Egress"))
        && spec.getIngress().isEmpty()
        && spec.getEgress().isEmpty();
  }

  /** Rules of a direction that the policy does not name have no effect. */
  private static void checkTypes(NetworkPolicy policy, Problems problems) {
    var spec = policy.getSpec();
    problems.require(
        spec.getIngress().isEmpty() || spec.getPolicyTypes().contains("Ingress"),
        Cluster.title(policy),
        "has ingress rules, but policyTypes lacks Ingress");
    problems.require(
        spec.getEgress().isEmpty() || spec.getPolicyTypes().contains("Egress"),
        Cluster.title(policy),
        "has egress rules, but policyTypes lacks Egress");
  }

  private static void checkTarget(Cluster cluster, Arrow arrow, Problems problems) {
    boolean reaches =
        cluster.workloads().stream()
            .filter(workload -> arrow.to().equals(ALL) || arrow.to().equals(workload.component()))
            .anyMatch(workload -> workload.listensOn(arrow.port()));
    problems.require(
        reaches, "NetworkPolicy ingress", arrow + " leads to a port that no pod declares");
  }

  private static List<Arrow> arrows(NetworkPolicy policy, NetworkPolicyIngressRule rule) {
    String subject = subject(policy);
    return combine(rule.getFrom(), rule.getPorts(), (peer, port) -> new Arrow(peer, subject, port));
  }

  private static List<Arrow> arrows(NetworkPolicy policy, NetworkPolicyEgressRule rule) {
    String subject = subject(policy);
    return combine(rule.getTo(), rule.getPorts(), (peer, port) -> new Arrow(subject, peer, port));
  }

  private static List<Arrow> combine(
      List<NetworkPolicyPeer> peers,
      List<NetworkPolicyPort> ports,
      BiFunction<String, Integer, Arrow> arrow) {
    List<String> names =
        peers.isEmpty() ? List.of("anywhere") : peers.stream().map(NetworkRule::name).toList();
    // No list of ports means every port: 0 stands for that, and is expected nowhere.
    List<Integer> numbers =
        ports.isEmpty() ? List.of(0) : ports.stream().map(NetworkRule::number).toList();
    return names.stream()
        .flatMap(name -> numbers.stream().map(number -> arrow.apply(name, number)))
        .toList();
  }

  private static String subject(NetworkPolicy policy) {
    return component(policy.getSpec().getPodSelector());
  }

  private static String name(NetworkPolicyPeer peer) {
    if (peer.getNamespaceSelector() != null) {
      return "namespace:" + labels(peer.getNamespaceSelector()).get("kubernetes.io/metadata.name");
    }
    return peer.getPodSelector() == null
        ? "addresses " + peer.getIpBlock()
        : component(peer.getPodSelector());
  }

  private static String component(LabelSelector selector) {
    Map<String, String> labels = labels(selector);
    return labels.isEmpty() ? ALL : labels.getOrDefault(COMPONENT, labels.toString());
  }

  private static Map<String, String> labels(LabelSelector selector) {
    return Optional.ofNullable(selector.getMatchLabels()).orElse(Map.of());
  }

  private static int number(NetworkPolicyPort port) {
    return Optional.ofNullable(port.getPort().getIntVal()).orElse(0);
  }
}
