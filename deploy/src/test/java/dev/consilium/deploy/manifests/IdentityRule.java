package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Every object has a name of its own, and lives in the namespace that comes with it. */
final class IdentityRule implements Rule {

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    List<String> namespaces = cluster.all(Namespace.class).stream().map(Cluster::name).toList();
    problems.require(namespaces.size() == 1, "Namespace", "expected one, found " + namespaces);
    Set<String> seen = new HashSet<>();
    for (HasMetadata object : cluster.objects()) {
      String title = Cluster.title(object);
      problems.require(seen.add(title), title, "defined twice");
      Optional<String> namespace = Optional.ofNullable(object.getMetadata().getNamespace());
      boolean clusterWide = object instanceof Namespace || object instanceof PersistentVolume;
      problems.require(
          clusterWide ? namespace.isEmpty() : namespace.filter(namespaces::contains).isPresent(),
          title,
          "namespace is "
              + namespace.orElse("(none)")
              + ", expected "
              + (clusterWide ? "none" : namespaces));
    }
    return problems.found();
  }
}
