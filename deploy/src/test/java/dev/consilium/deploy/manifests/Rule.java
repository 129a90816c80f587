package dev.consilium.deploy.manifests;

import java.util.List;

/** Something that must hold of all manifests together. */
@FunctionalInterface
interface Rule {

  /** What is wrong, one sentence each, with the object's name; empty if the rule holds. */
  List<String> problems(Cluster cluster);

  /** All problems by all rules. */
  static List<String> allProblems(Cluster cluster) {
    return List.<Rule>of(
            new IdentityRule(),
            new ReferenceRule(),
            new ServiceRule(),
            new ProbeRule(),
            new ShutdownRule(),
            new SecurityRule(),
            new ResourceRule(),
            new EnvironmentRule(),
            new ShareRule(),
            new ScrapeRule(),
            new ImageRule(),
            new NetworkRule())
        .stream()
        .flatMap(rule -> rule.problems(cluster).stream())
        .toList();
  }
}
