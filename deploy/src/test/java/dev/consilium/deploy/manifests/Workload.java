package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a Deployment and a StatefulSet have in common: pods from a template. */
record Workload(String title, int podCount, LabelSelector selector, PodTemplateSpec template) {

  static Workload of(Deployment deployment) {
    var spec = deployment.getSpec();
    return new Workload(
        Cluster.title(deployment),
        count(spec.getReplicas()),
        spec.getSelector(),
        spec.getTemplate());
  }

  static Workload of(StatefulSet statefulSet) {
    var spec = statefulSet.getSpec();
    return new Workload(
        Cluster.title(statefulSet),
        count(spec.getReplicas()),
        spec.getSelector(),
        spec.getTemplate());
  }

  /** {@code gateway}, {@code router} or {@code expert-node}. */
  String component() {
    return labels().getOrDefault("app.kubernetes.io/component", "(no component)");
  }

  Map<String, String> labels() {
    return template.getMetadata().getLabels();
  }

  Map<String, String> annotations() {
    return Optional.ofNullable(template.getMetadata().getAnnotations()).orElse(Map.of());
  }

  PodSpec pod() {
    return template.getSpec();
  }

  List<Container> containers() {
    return pod().getContainers();
  }

  List<ContainerPort> ports() {
    return containers().stream().flatMap(container -> container.getPorts().stream()).toList();
  }

  boolean listensOn(int port) {
    return ports().stream().anyMatch(declared -> declared.getContainerPort() == port);
  }

  Optional<ContainerPort> port(String name) {
    return ports().stream().filter(declared -> name.equals(declared.getName())).findFirst();
  }

  private static int count(Integer replicas) {
    return Optional.ofNullable(replicas).orElse(1);
  }
}
