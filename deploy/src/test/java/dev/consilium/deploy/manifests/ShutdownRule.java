package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.LifecycleHandler;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A pod that ends has time for it: Kubernetes kills when the grace period is over, and it counts
 * from before the preStop hook. So the period holds the hook, the drain as the process is
 * configured, and some seconds to stop.
 */
final class ShutdownRule implements Rule {

  private static final String DRAIN = "CONSILIUM_DRAIN_TIMEOUT";
  private static final Pattern SECONDS = Pattern.compile("([0-9]{1,6})s");
  private static final long STOP_SECONDS = 10;

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    for (Workload workload : cluster.workloads()) {
      long grace =
          Optional.ofNullable(workload.pod().getTerminationGracePeriodSeconds()).orElse(30L);
      for (Container container : workload.containers()) {
        long needed =
            preStopSeconds(workload, container, problems)
                + drainSeconds(cluster, workload, container, problems)
                + STOP_SECONDS;
        problems.require(
            grace >= needed,
            workload.title(),
            "terminationGracePeriodSeconds is " + grace + ", expected " + needed + " or more");
      }
    }
    return problems.found();
  }

  private static long preStopSeconds(Workload workload, Container container, Problems problems) {
    if (container.getLifecycle() == null || container.getLifecycle().getPreStop() == null) {
      return 0;
    }
    LifecycleHandler hook = container.getLifecycle().getPreStop();
    problems.require(
        hook.getExec() == null,
        workload.title(),
        "preStop runs a command: images are not bound to have a shell");
    return hook.getSleep() == null ? 0 : hook.getSleep().getSeconds();
  }

  private static long drainSeconds(
      Cluster cluster, Workload workload, Container container, Problems problems) {
    String text = own(container).or(() -> shared(cluster, container)).orElse("(none)");
    Matcher seconds = SECONDS.matcher(text);
    boolean read = seconds.matches();
    problems.require(
        read, workload.title(), DRAIN + " is " + text + ", expected seconds, such as 30s");
    return read ? Long.parseLong(seconds.group(1)) : 0;
  }

  private static Optional<String> own(Container container) {
    return container.getEnv().stream()
        .filter(variable -> variable.getName().equals(DRAIN))
        .map(EnvVar::getValue)
        .findFirst();
  }

  private static Optional<String> shared(Cluster cluster, Container container) {
    return container.getEnvFrom().stream()
        .map(source -> cluster.settings(source.getConfigMapRef().getName()))
        .filter(settings -> settings.containsKey(DRAIN))
        .map(settings -> settings.get(DRAIN))
        .findFirst();
  }
}
