package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.GRPCAction;
import io.fabric8.kubernetes.api.model.HTTPGetAction;
import io.fabric8.kubernetes.api.model.Probe;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Every container has a startup, a liveness and a readiness probe, on a port that it declares, and
 * asks what the process answers: the gateway by HTTP path, the others by the service name of gRPC
 * health checking, where the empty name means that the process runs.
 */
final class ProbeRule implements Rule {

  private static final String ALIVE = "";

  private static final Map<String, String> READY =
      Map.of(
          "gateway", "/health/ready",
          "router", "consilium.router.v1.RouterService",
          "expert-node", "consilium.expert.v1.ExpertService");

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    for (Workload workload : cluster.workloads()) {
      boolean http = workload.component().equals("gateway");
      String alive = http ? "/health/live" : ALIVE;
      String ready = READY.getOrDefault(workload.component(), "(unknown component)");
      for (Container container : workload.containers()) {
        check(workload, "startupProbe", container.getStartupProbe(), alive, problems);
        check(workload, "livenessProbe", container.getLivenessProbe(), alive, problems);
        check(workload, "readinessProbe", container.getReadinessProbe(), ready, problems);
      }
    }
    return problems.found();
  }

  private static void check(
      Workload workload, String name, @Nullable Probe probe, String expected, Problems problems) {
    String where = workload.title() + " " + name;
    if (probe == null) {
      problems.require(false, where, "missing");
      return;
    }
    Optional<HTTPGetAction> http = Optional.ofNullable(probe.getHttpGet());
    Optional<GRPCAction> grpc = Optional.ofNullable(probe.getGrpc());
    String asks =
        http.map(HTTPGetAction::getPath)
            .or(() -> grpc.map(action -> Optional.ofNullable(action.getService()).orElse("")))
            .orElse("(neither httpGet nor grpc)");
    problems.require(
        asks.equals(expected), where, "asks for \"" + asks + "\", expected \"" + expected + "\"");
    boolean reaches =
        http.map(action -> workload.port(String.valueOf(action.getPort().getStrVal())).isPresent())
            .or(() -> grpc.map(action -> workload.listensOn(action.getPort())))
            .orElse(false);
    problems.require(reaches, where, "its port is not one that the container declares");
  }
}
