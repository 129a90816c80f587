package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvFromSource;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** What one object calls by name or by labels is there. */
final class ReferenceRule implements Rule {

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    for (Workload workload : cluster.workloads()) {
      checkSelectors(workload, problems);
      checkNames(cluster, workload, problems);
      checkMounts(workload, problems);
    }
    cluster.all(StatefulSet.class).forEach(set -> checkGoverningService(cluster, set, problems));
    cluster
        .all(PodDisruptionBudget.class)
        .forEach(budget -> checkBudget(cluster, budget, problems));
    cluster.all(PersistentVolume.class).forEach(volume -> checkBound(cluster, volume, problems));
    return problems.found();
  }

  private static void checkSelectors(Workload workload, Problems problems) {
    problems.require(
        matches(workload, workload.selector().getMatchLabels()),
        workload.title(),
        "selector does not match the labels of its own pods");
    workload
        .pod()
        .getTopologySpreadConstraints()
        .forEach(spread ->
            problems.require(
                matches(workload, spread.getLabelSelector().getMatchLabels()),
                workload.title(),
                "spread constraint does not match the labels of its own pods"));
    problems.require(
        !workload.pod().getTopologySpreadConstraints().isEmpty(),
        workload.title(),
        "no spread over machines");
  }

  private static boolean matches(Workload workload, Map<String, String> labels) {
    return !labels.isEmpty() && workload.labels().entrySet().containsAll(labels.entrySet());
  }

  private static void checkNames(Cluster cluster, Workload workload, Problems problems) {
    PodSpec pod = workload.pod();
    problems.require(
        cluster.find(ServiceAccount.class, String.valueOf(pod.getServiceAccountName())).isPresent(),
        workload.title(),
        "no ServiceAccount " + pod.getServiceAccountName());
    for (Container container : pod.getContainers()) {
      for (EnvFromSource source : container.getEnvFrom()) {
        String name = source.getConfigMapRef().getName();
        problems.require(
            cluster.find(ConfigMap.class, name).isPresent(),
            workload.title(),
            "no ConfigMap " + name);
      }
    }
    for (Volume volume : pod.getVolumes()) {
      if (volume.getPersistentVolumeClaim() != null) {
        String name = volume.getPersistentVolumeClaim().getClaimName();
        problems.require(
            cluster.find(PersistentVolumeClaim.class, name).isPresent(),
            workload.title(),
            "no PersistentVolumeClaim " + name);
      }
    }
  }

  private static void checkMounts(Workload workload, Problems problems) {
    Set<String> volumes =
        workload.pod().getVolumes().stream().map(Volume::getName).collect(Collectors.toSet());
    Set<String> mounted =
        workload.containers().stream()
            .flatMap(container -> container.getVolumeMounts().stream())
            .map(VolumeMount::getName)
            .collect(Collectors.toSet());
    problems.require(
        volumes.equals(mounted),
        workload.title(),
        "has the volumes " + volumes + ", mounts " + mounted);
  }

  private static void checkGoverningService(Cluster cluster, StatefulSet set, Problems problems) {
    String name = set.getSpec().getServiceName();
    problems.require(
        cluster.service(name).filter(ServiceRule::isHeadless).isPresent(),
        Cluster.title(set),
        "no headless Service " + name);
  }

  private static void checkBudget(Cluster cluster, PodDisruptionBudget budget, Problems problems) {
    Map<String, String> labels = budget.getSpec().getSelector().getMatchLabels();
    problems.require(
        cluster.selected(labels).size() == 1,
        Cluster.title(budget),
        "selects no or several workloads: " + labels);
  }

  /** Each volume that comes with the manifests is the one that a claim names, and suits it. */
  private static void checkBound(Cluster cluster, PersistentVolume volume, Problems problems) {
    boolean claimed =
        cluster.all(PersistentVolumeClaim.class).stream()
            .map(PersistentVolumeClaim::getSpec)
            .anyMatch(claim ->
                Cluster.name(volume).equals(claim.getVolumeName())
                    && volume.getSpec().getAccessModes().containsAll(claim.getAccessModes())
                    && volume.getSpec().getStorageClassName().equals(claim.getStorageClassName()));
    problems.require(
        claimed,
        Cluster.title(volume),
        "no claim with this volumeName, access mode and storage class");
  }
}
