package dev.consilium.deploy.manifests;

import java.util.List;
import java.util.Map;

/** Prometheus is told a port that the pod declares, and that the settings say. */
final class ScrapeRule implements Rule {

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    for (Workload workload : cluster.workloads()) {
      Map<String, String> annotations = workload.annotations();
      String port = annotations.getOrDefault("prometheus.io/port", "(none)");
      String expected =
          workload.component().equals("gateway") ? "8080" : metricsPort(cluster, workload);
      problems.require(
          annotations.getOrDefault("prometheus.io/scrape", "false").equals("true"),
          workload.title(),
          "is not annotated to be scraped");
      problems.require(
          annotations.getOrDefault("prometheus.io/path", "(none)").equals("/metrics"),
          workload.title(),
          "prometheus.io/path is not /metrics");
      problems.require(
          port.equals(expected),
          workload.title(),
          "prometheus.io/port is " + port + ", expected " + expected);
      problems.require(
          workload.ports().stream()
              .anyMatch(declared -> port.equals(String.valueOf(declared.getContainerPort()))),
          workload.title(),
          "prometheus.io/port " + port + " is not a declared port");
    }
    return problems.found();
  }

  private static String metricsPort(Cluster cluster, Workload workload) {
    return workload.containers().getFirst().getEnvFrom().stream()
        .map(source -> cluster.settings(source.getConfigMapRef().getName()))
        .filter(settings -> settings.containsKey("CONSILIUM_METRICS_PORT"))
        .map(settings -> settings.get("CONSILIUM_METRICS_PORT"))
        .findFirst()
        .orElse("9464");
  }
}
