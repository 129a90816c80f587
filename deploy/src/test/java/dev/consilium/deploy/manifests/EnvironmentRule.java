package dev.consilium.deploy.manifests;

import dev.consilium.serving.ProcessSettings;
import dev.consilium.serving.Target;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.Service;
import io.smallrye.config.ConfigMappings;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
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
          "consilium.router.kv-dtype",
          "consilium.router.kv-cache-tokens",
          "consilium.router.max-batch-tokens",
          "consilium.router.prefill-chunk",
          "consilium.router.max-running",
          "consilium.router.waiting-limit",
          "consilium.gateway.routers",
          "consilium.gateway.model-name",
          "consilium.gateway.grpc-port",
          "quarkus.http.host",
          "quarkus.http.port");

  /** Read by no process of ours, only by other variables. */
  private static final Set<String> PARTS = Set.of("POD_INDEX");

  private static final Pattern REFERENCE = Pattern.compile("\\$\\(([^)]*)\\)");
  private static final Set<String> TARGETS =
      Set.of("CONSILIUM_GATEWAY_ROUTERS", "CONSILIUM_ROUTER_NODES");

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
    SETTINGS.forEach(key -> variables.add(variable(key)));
    ConfigMappings.getProperties(ConfigMappings.ConfigClass.configClass(ProcessSettings.class))
        .keySet()
        .forEach(key -> variables.add(variable(key)));
    return variables;
  }

  /** By the rules of MicroProfile Config: capitals, and an underscore for all else. */
  private static String variable(String key) {
    return key.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9]", "_");
  }

  private static Map<String, String> shared(Cluster cluster, Container container) {
    Map<String, String> shared = new TreeMap<>();
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
    if (TARGETS.contains(name)) {
      Target.parseList(value)
          .forEach(target -> checkTarget(cluster, where, name, target, problems));
    }
  }

  private static void checkTarget(
      Cluster cluster, String where, String name, Target target, Problems problems) {
    boolean leads =
        cluster
            .service(target.host())
            .filter(ServiceRule::isHeadless)
            .filter(service -> hasPort(service, target.port()))
            .isPresent();
    problems.require(
        target.everyAddress() && leads,
        where,
        name + " is " + target + ", expected dns:///name:port of a headless service");
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
