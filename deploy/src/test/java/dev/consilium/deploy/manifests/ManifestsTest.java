package dev.consilium.deploy.manifests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.consilium.deploy.ProjectFiles;
import io.fabric8.kubernetes.api.model.HasMetadata;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The manifests as they are. */
class ManifestsTest {

  @Test
  void base_asItIs_keepsEveryRule() {
    assertThat(Rule.allProblems(Cluster.read(BaseFiles.read("base")))).isEmpty();
  }

  @Test
  void base_workloads_areTheThreeServices() {
    assertThat(Cluster.read(BaseFiles.read("base")).workloads())
        .extracting(Workload::title)
        .containsExactlyInAnyOrder(
            "Deployment gateway", "Deployment router", "StatefulSet expert-node");
  }

  @Test
  void base_gpuRequest_isThereToBeUncommented() {
    Map<String, String> files = BaseFiles.read("base");
    files.computeIfPresent(
        "expert-node.yaml",
        (name, text) -> text.replace("# nvidia.com/gpu: 1", "nvidia.com/gpu: 1"));
    Cluster withGpu = Cluster.read(files);
    assertThat(Rule.allProblems(withGpu)).isEmpty();
    assertThat(withGpu.workloads())
        .filteredOn(workload -> workload.component().equals("expert-node"))
        .allSatisfy(workload ->
            assertThat(workload.containers().getFirst().getResources().getLimits())
                .containsKey("nvidia.com/gpu"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"one-machine", "nfs"})
  void overlay_volumeAdded_keepsEveryRule(String overlay) {
    List<HasMetadata> objects = new ArrayList<>(Cluster.read(BaseFiles.read("base")).objects());
    String volume =
        ProjectFiles.text("deploy/kubernetes/overlays/" + overlay + "/model-volume.yaml");
    objects.addAll(new ManifestReader().read(overlay, volume));
    assertThat(Rule.allProblems(new Cluster(objects))).isEmpty();
  }

  @Test
  void kustomization_base_listsEveryFile() throws IOException {
    JsonNode kustomization =
        new YAMLMapper()
            .readTree(ProjectFiles.text("deploy/kubernetes/base/" + BaseFiles.KUSTOMIZATION));
    List<String> listed = new ArrayList<>();
    kustomization.get("resources").forEach(name -> listed.add(name.asText()));
    assertThat(listed).containsExactlyInAnyOrderElementsOf(BaseFiles.read("base").keySet());
  }
}
