package dev.consilium.deploy.manifests;

import java.util.List;
import java.util.regex.Pattern;

/**
 * A workload runs the image of its own service, at a version, so that a restart never changes the
 * code.
 */
final class ImageRule implements Rule {

  @Override
  public List<String> problems(Cluster cluster) {
    Problems problems = new Problems();
    for (Workload workload : cluster.workloads()) {
      String image = workload.containers().getFirst().getImage();
      Pattern expected =
          Pattern.compile(
              "([a-z0-9.-]+(:[0-9]+)?/)*consilium/"
                  + workload.component()
                  + ":[0-9]+\\.[0-9]+\\.[0-9]+");
      problems.require(
          expected.matcher(image).matches(),
          workload.title(),
          "image is " + image + ", expected consilium/" + workload.component() + ":<version>");
    }
    return problems.found();
  }
}
