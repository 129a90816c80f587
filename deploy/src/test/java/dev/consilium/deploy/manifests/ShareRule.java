package dev.consilium.deploy.manifests;

import dev.consilium.placement.Share;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import java.util.List;

/**
 * The expert nodes together hold all experts: pod i of n takes share {@code i/n}, with n the number
 * of pods.
 */
final class ShareRule implements Rule {

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    for (StatefulSet set : cluster.all(StatefulSet.class)) {
      Workload workload = Workload.of(set);
      List<EnvVar> variables = workload.containers().getFirst().getEnv();
      String share = value(variables, "CONSILIUM_NODE_SHARE");
      for (int pod = 0; pod < workload.podCount(); pod++) {
        problems.require(
            isShare(
                share.replace("$(POD_INDEX)", String.valueOf(pod)),
                new Share(pod, workload.podCount())),
            workload.title(),
            "CONSILIUM_NODE_SHARE of pod " + pod + " of " + workload.podCount() + " is " + share);
      }
      problems.require(
          podIndex(variables),
          workload.title(),
          "POD_INDEX is not the label apps.kubernetes.io/pod-index");
      problems.require(
          "Parallel".equals(set.getSpec().getPodManagementPolicy()),
          workload.title(),
          "podManagementPolicy is not Parallel: the shares would load one after the other");
    }
    return problems.found();
  }

  private static boolean isShare(String text, Share expected) {
    try {
      return Share.parse(text).equals(expected);
    } catch (IllegalArgumentException malformed) {
      return false;
    }
  }

  private static String value(List<EnvVar> variables, String name) {
    return variables.stream()
        .filter(variable -> variable.getName().equals(name))
        .map(variable -> String.valueOf(variable.getValue()))
        .findFirst()
        .orElse("(none)");
  }

  private static boolean podIndex(List<EnvVar> variables) {
    return variables.stream()
        .filter(
            variable -> variable.getName().equals("POD_INDEX") && variable.getValueFrom() != null)
        .map(variable -> variable.getValueFrom().getFieldRef())
        .anyMatch(field ->
            field != null
                && field.getFieldPath().equals("metadata.labels['apps.kubernetes.io/pod-index']"));
  }
}
