package dev.consilium.deploy.manifests;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What kubectl makes of the manifests, without a cluster. Skipped where there is no kubectl; {@link
 * ManifestsTest} checks the files by themselves in any case.
 */
class KubectlIT {

  @TempDir private Path home = Path.of("");
  private Kubectl kubectl = new Kubectl(Path.of("kubectl"), home);

  @BeforeEach
  void findKubectl() {
    Assumptions.assumeTrue(
        Kubectl.find().isPresent(), "no kubectl on the PATH: install one to run this test");
    kubectl = new Kubectl(Kubectl.find().orElseThrow(), home);
  }

  @ParameterizedTest
  @ValueSource(strings = {"base", "overlays/one-machine", "overlays/nfs"})
  void kustomize_everyVariant_keepsEveryRule(String variant) throws Exception {
    assertThat(Rule.allProblems(render(variant))).isEmpty();
  }

  @Test
  void kustomize_moreExpertNodes_changesTheirShares() throws Exception {
    assertThat(render("overlays/nfs").workloads())
        .filteredOn(workload -> workload.component().equals("expert-node"))
        .allSatisfy(workload -> assertThat(workload.podCount()).isEqualTo(4));
  }

  @ParameterizedTest
  @ValueSource(strings = {"base", "overlays/one-machine", "overlays/nfs"})
  void applyDryRun_everyVariant_takesEveryObjectAndWritesNothing(String variant) throws Exception {
    try (EmptyApiServer server = new EmptyApiServer()) {
      Kubectl.Outcome outcome = dryRun(server, "-k", variant);
      assertThat(outcome.errors()).isEmpty();
      assertThat(outcome.status()).isZero();
      for (HasMetadata object : render(variant).objects()) {
        String kind = object.getKind().toLowerCase(Locale.ROOT);
        assertThat(outcome.output())
            .containsPattern(
                "(?m)^" + kind + "[a-z0-9.]*/" + Cluster.name(object) + " created \\(dry run\\)$");
      }
      assertThat(server.writes()).isEmpty();
    }
  }

  @Test
  void applyDryRun_plainFiles_needNoKustomization() throws Exception {
    for (String file : BaseFiles.read("base").keySet()) {
      try (EmptyApiServer server = new EmptyApiServer()) {
        assertThat(dryRun(server, "-f", "base/" + file).status()).as(file).isZero();
      }
    }
  }

  @Test
  void applyDryRun_unknownKind_isRefused() throws Exception {
    Path file = home.resolve("broken.yaml");
    String router = BaseFiles.read("base").getOrDefault("router.yaml", "");
    Files.writeString(file, router.replace("kind: Deployment", "kind: Deploiment"));
    try (EmptyApiServer server = new EmptyApiServer()) {
      Kubectl.Outcome outcome = dryRun(server, "-f", file.toString());
      assertThat(outcome.status()).isNotZero();
      assertThat(outcome.errors()).contains("Deploiment");
    }
  }

  private Cluster render(String variant) throws IOException, InterruptedException {
    Kubectl.Outcome outcome = kubectl.run(List.of("kustomize", variant));
    assertThat(outcome.errors()).isEmpty();
    return Cluster.read(Map.of(variant, outcome.output()));
  }

  /**
   * Fields are not kubectl's to check here: it would ask the server for the schema, and {@link
   * ManifestReader} is stricter.
   */
  private Kubectl.Outcome dryRun(EmptyApiServer server, String option, String what)
      throws IOException, InterruptedException {
    return kubectl.run(
        List.of(
            "apply",
            "--dry-run=client",
            "--validate=false",
            "--server=" + server.address(),
            option,
            what));
  }
}
