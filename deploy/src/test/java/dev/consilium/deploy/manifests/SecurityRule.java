package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.PodSecurityContext;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.SecurityContext;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import java.util.List;
import java.util.Optional;

/**
 * Nothing runs as root, gains rights, writes its own file system, or holds a key to the Kubernetes
 * API.
 */
final class SecurityRule implements Rule {

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    for (Workload workload : cluster.workloads()) {
      checkPod(workload.title(), workload.pod(), problems);
      workload
          .containers()
          .forEach(container -> checkContainer(workload.title(), container, problems));
    }
    for (ServiceAccount account : cluster.all(ServiceAccount.class)) {
      problems.require(
          isFalse(account.getAutomountServiceAccountToken()),
          Cluster.title(account),
          "mounts its token");
    }
    return problems.found();
  }

  private static void checkPod(String where, PodSpec pod, Problems problems) {
    PodSecurityContext context =
        Optional.ofNullable(pod.getSecurityContext()).orElseGet(PodSecurityContext::new);
    problems.require(isTrue(context.getRunAsNonRoot()), where, "runAsNonRoot is not true");
    problems.require(
        Optional.ofNullable(context.getRunAsUser()).orElse(0L) > 0,
        where,
        "runAsUser is not a number above 0");
    problems.require(
        context.getSeccompProfile() != null
            && "RuntimeDefault".equals(context.getSeccompProfile().getType()),
        where,
        "seccompProfile is not RuntimeDefault");
    problems.require(
        isFalse(pod.getAutomountServiceAccountToken()), where, "mounts a service account token");
    problems.require(
        !isTrue(pod.getHostNetwork()) && !isTrue(pod.getHostPID()) && !isTrue(pod.getHostIPC()),
        where,
        "shares a namespace of the machine");
    problems.require(
        pod.getVolumes().stream().allMatch(volume -> volume.getHostPath() == null),
        where,
        "mounts a hostPath");
  }

  private static void checkContainer(String where, Container container, Problems problems) {
    SecurityContext context =
        Optional.ofNullable(container.getSecurityContext()).orElseGet(SecurityContext::new);
    problems.require(
        isFalse(context.getAllowPrivilegeEscalation()),
        where,
        "allowPrivilegeEscalation is not false");
    problems.require(
        isTrue(context.getReadOnlyRootFilesystem()), where, "readOnlyRootFilesystem is not true");
    problems.require(
        context.getCapabilities() != null
            && context.getCapabilities().getDrop().equals(List.of("ALL"))
            && context.getCapabilities().getAdd().isEmpty(),
        where,
        "does not drop ALL capabilities");
    problems.require(!isTrue(context.getPrivileged()), where, "is privileged");
    container.getVolumeMounts().stream()
        .filter(mount -> !mount.getMountPath().equals("/tmp"))
        .forEach(mount ->
            problems.require(
                isTrue(mount.getReadOnly()), where, mount.getMountPath() + " is not read-only"));
  }

  private static boolean isTrue(Boolean flag) {
    return Boolean.TRUE.equals(flag);
  }

  private static boolean isFalse(Boolean flag) {
    return Boolean.FALSE.equals(flag);
  }
}
