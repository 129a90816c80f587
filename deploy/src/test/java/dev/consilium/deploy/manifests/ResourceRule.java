package dev.consilium.deploy.manifests;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ResourceRequirements;
import io.fabric8.kubernetes.api.model.Volume;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Every container says what CPU and memory it needs. Memory asked for is the memory allowed:
 * weights and KV cache are not given back under pressure, so a machine that promised less than it
 * allows would have to kill.
 */
final class ResourceRule implements Rule {

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    for (Workload workload : cluster.workloads()) {
      workload.containers().forEach(container -> check(workload.title(), container, problems));
      for (Volume volume : workload.pod().getVolumes()) {
        problems.require(
            volume.getEmptyDir() == null || volume.getEmptyDir().getSizeLimit() != null,
            workload.title(),
            "emptyDir " + volume.getName() + " has no sizeLimit");
      }
    }
    return problems.found();
  }

  private static void check(String where, Container container, Problems problems) {
    ResourceRequirements resources =
        Optional.ofNullable(container.getResources()).orElseGet(ResourceRequirements::new);
    Optional<BigDecimal> cpu = amount(where, resources.getRequests(), "cpu", problems);
    Optional<BigDecimal> cpuLimit = amount(where, resources.getLimits(), "cpu", problems);
    Optional<BigDecimal> memory = amount(where, resources.getRequests(), "memory", problems);
    Optional<BigDecimal> memoryLimit = amount(where, resources.getLimits(), "memory", problems);
    problems.require(cpu.isPresent(), where, "no request for cpu");
    problems.require(memory.isPresent(), where, "no request for memory");
    problems.require(
        memory.equals(memoryLimit),
        where,
        "memory request " + memory + " is not the limit " + memoryLimit);
    problems.require(
        cpuLimit.isEmpty() || cpu.filter(asked -> asked.compareTo(cpuLimit.get()) <= 0).isPresent(),
        where,
        "cpu request " + cpu + " is above the limit " + cpuLimit);
  }

  private static Optional<BigDecimal> amount(
      String where, Map<String, Quantity> quantities, String name, Problems problems) {
    Optional<Quantity> quantity = Optional.ofNullable(quantities).map(all -> all.get(name));
    try {
      return quantity.map(Quantity::getNumericalAmount);
    } catch (ArithmeticException | IllegalArgumentException e) {
      problems.require(false, where, name + " is " + quantity.get() + ", which is not a quantity");
      return Optional.empty();
    }
  }
}
