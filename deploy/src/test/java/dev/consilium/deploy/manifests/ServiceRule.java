package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServicePort;
import java.util.List;

/** Every service leads to the pods of one workload, by the names of ports that they declare. */
final class ServiceRule implements Rule {

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    for (Service service : cluster.all(Service.class)) {
      List<Workload> targets = cluster.selected(service.getSpec().getSelector());
      problems.require(
          targets.size() == 1,
          Cluster.title(service),
          "selects " + targets.size() + " workloads, expected 1");
      targets.forEach(target -> checkPorts(service, target, problems));
    }
    return problems.found();
  }

  static boolean isHeadless(Service service) {
    return "None".equals(service.getSpec().getClusterIP());
  }

  private static void checkPorts(Service service, Workload target, Problems problems) {
    for (ServicePort port : service.getSpec().getPorts()) {
      String name = String.valueOf(port.getTargetPort().getStrVal());
      // A headless service does not translate: callers reach the pod's port by its own number.
      boolean fits =
          target
              .port(name)
              .filter(declared ->
                  !isHeadless(service) || declared.getContainerPort().equals(port.getPort()))
              .isPresent();
      problems.require(
          fits,
          Cluster.title(service),
          "port " + port.getPort() + " -> " + name + " is not a port of " + target.title());
    }
  }
}
