package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.Service;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Every variable is a setting that our processes know, and every address in one leads to a service.
 */
final class EnvironmentRule implements Rule {

  /**
   * Settings by their dotted names; an environment variable is the name in capitals with
   * underscores.
   */
  private static final List<String> SETTINGS =
      List.of(
          "consilium.model",
          "consilium.node.name",
          "consilium.node.host",
          "consilium.node.port",
          "consilium.node.share",
          "consilium.node.threads",
          "consilium.node.memory-budget",
          "consilium.node.queue-limit",
          "consilium.node.max-tokens-per-dispatch",
          "consilium.router.name",
          "consilium.router.host",
          "consilium.router.port",
          "consilium.router.nodes",
          "consilium.router.local-experts",
          "consilium.router.threads",
          "consilium.router.kv-cache-tokens",
          "consilium.router.max-batch-tokens",
          "consilium.router.prefill-chunk",
          "consilium.router.max-running",
          "consilium.router.waiting-limit",
          "consilium.gateway.routers",
          "consilium.gateway.model-name",
          "consilium.gateway.grpc-port",
          "consilium.metrics.port",
          "consilium.telemetry.otlp-endpoint",
          "consilium.telemetry.sample-ratio",
          "quarkus.http.host",
          "quarkus.http.port");

  /** Read by no process of ours, only by other variables. */
  private static final Set<String> PARTS = Set.of("POD_INDEX");

  private static final Pattern REFERENCE = Pattern.compile("\\$\\(([^)]*)\\)");
  private static final Pattern BY_NAME = Pattern.compile("dns:///([a-z0-9-]+):([0-9]+)");

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    Set<String> known = variables();
    for (Workload workload : cluster.workloads()) {
      problems.require(
          Boolean.FALSE.equals(workload.pod().getEnableServiceLinks()),
          workload.title(),
          "enableServiceLinks is not false");
      for (Container container : workload.containers()) {
        Map<String, String> shared = shared(cluster, container);
        shared.forEach(
            (name, value) -> check(cluster, workload.title(), name, value, known, problems));
        checkOwn(workload.title(), container.getEnv(), shared.keySet(), known, problems);
      }
    }
    return problems.found();
  }

  private static Set<String> variables() {
    Set<String> variables = new TreeSet<>(PARTS);
    SETTINGS.forEach(
        key -> variables.add(key.toUpperCase(java.util.Locale.ROOT).replaceAll("[^A-Z0-9]", "_")));
    return variables;
  }

  private static Map<String, String> shared(Cluster cluster, Container container) {
    Map<String, String> shared = new java.util.TreeMap<>();
    container
        .getEnvFrom()
        .forEach(source -> shared.putAll(cluster.settings(source.getConfigMapRef().getName())));
    return shared;
  }

  private static void check(
      Cluster cluster,
      String where,
      String name,
      String value,
      Set<String> known,
      Problems problems) {
    problems.require(known.contains(name), where, "no process reads " + name + "; known: " + known);
    Matcher address = BY_NAME.matcher(value);
    boolean named = address.matches();
    problems.require(
        named || !value.startsWith("dns:"),
        where,
        name + " is " + value + ", expected dns:///name:port");
    if (named) {
      int port = Integer.parseInt(address.group(2));
      boolean leads =
          cluster
              .service(address.group(1))
              .filter(ServiceRule::isHeadless)
              .filter(service -> hasPort(service, port))
              .isPresent();
      problems.require(
          leads,
          where,
          name + " is " + value + ", but there is no headless service with this port");
    }
  }

  private static boolean hasPort(Service service, int port) {
    return service.getSpec().getPorts().stream().anyMatch(declared -> declared.getPort() == port);
  }

  private static void checkOwn(
      String where,
      List<EnvVar> variables,
      Set<String> shared,
      Set<String> known,
      Problems problems) {
    Set<String> defined = new HashSet<>(shared);
    for (EnvVar variable : variables) {
      problems.require(
          known.contains(variable.getName()),
          where,
          "no process reads " + variable.getName() + "; known: " + known);
      if (variable.getValue() != null) {
        REFERENCE
            .matcher(variable.getValue())
            .results()
            .forEach(reference ->
                problems.require(
                    defined.contains(reference.group(1)),
                    where,
                    variable.getName()
                        + " uses "
                        + reference.group()
                        + ", which is not defined before it"));
      }
      defined.add(variable.getName());
    }
  }
}
