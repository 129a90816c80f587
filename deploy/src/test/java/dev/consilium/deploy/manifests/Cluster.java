package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** All objects that are applied together. */
record Cluster(List<HasMetadata> objects) {

  Cluster {
    objects = List.copyOf(objects);
  }

  /** From the text of each file, by name. */
  static Cluster read(Map<String, String> files) {
    ManifestReader reader = new ManifestReader();
    List<HasMetadata> objects = new ArrayList<>();
    files.forEach((source, text) -> objects.addAll(reader.read(source, text)));
    return new Cluster(objects);
  }

  <T extends HasMetadata> List<T> all(Class<T> type) {
    return objects.stream().filter(type::isInstance).map(type::cast).toList();
  }

  <T extends HasMetadata> Optional<T> find(Class<T> type, String name) {
    return all(type).stream().filter(object -> name(object).equals(name)).findFirst();
  }

  List<Workload> workloads() {
    List<Workload> workloads = new ArrayList<>();
    all(Deployment.class).forEach(deployment -> workloads.add(Workload.of(deployment)));
    all(StatefulSet.class).forEach(statefulSet -> workloads.add(Workload.of(statefulSet)));
    return workloads;
  }

  /** The workloads whose pods carry all the labels; an empty selector selects none. */
  List<Workload> selected(Map<String, String> labels) {
    return workloads().stream()
        .filter(workload ->
            !labels.isEmpty() && workload.labels().entrySet().containsAll(labels.entrySet()))
        .toList();
  }

  Optional<Service> service(String name) {
    return find(Service.class, name);
  }

  Map<String, String> settings(String configMap) {
    return find(ConfigMap.class, configMap).map(ConfigMap::getData).orElse(Map.of());
  }

  static String name(HasMetadata object) {
    return object.getMetadata().getName();
  }

  /** {@code Deployment gateway}, for messages. */
  static String title(HasMetadata object) {
    return object.getKind() + " " + name(object);
  }
}
