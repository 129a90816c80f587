package dev.consilium.deploy.manifests;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Reads manifests into the typed objects of the Kubernetes API, strictly: a kind that we do not
 * use, a field that the API does not have, a key given twice or a value of the wrong type is
 * refused with its place.
 */
final class ManifestReader {

  private static final Map<String, Class<? extends HasMetadata>> KINDS =
      Map.ofEntries(
          Map.entry("v1 Namespace", Namespace.class),
          Map.entry("v1 ServiceAccount", ServiceAccount.class),
          Map.entry("v1 ConfigMap", ConfigMap.class),
          Map.entry("v1 Service", Service.class),
          Map.entry("v1 PersistentVolume", PersistentVolume.class),
          Map.entry("v1 PersistentVolumeClaim", PersistentVolumeClaim.class),
          Map.entry("apps/v1 Deployment", Deployment.class),
          Map.entry("apps/v1 StatefulSet", StatefulSet.class),
          Map.entry("policy/v1 PodDisruptionBudget", PodDisruptionBudget.class),
          Map.entry("networking.k8s.io/v1 NetworkPolicy", NetworkPolicy.class));

  private static final YAMLMapper YAML =
      new YAMLMapper(
          YAMLFactory.builder()
              .configure(StreamReadFeature.STRICT_DUPLICATE_DETECTION, true)
              .build());

  private final KubernetesSerialization serialization = new KubernetesSerialization();

  /**
   * Reads one file.
   *
   * @param source named in errors
   * @param text YAML, any number of documents
   * @throws ManifestException with all that is wrong in the first document that does not fit
   */
  List<HasMetadata> read(String source, String text) {
    List<HasMetadata> objects = new ArrayList<>();
    for (JsonNode document : documents(source, text)) {
      objects.add(typed(source, document));
    }
    return objects;
  }

  private static List<JsonNode> documents(String source, String text) {
    try (MappingIterator<JsonNode> documents = YAML.readerFor(JsonNode.class).readValues(text)) {
      return documents.readAll();
    } catch (IOException e) {
      throw new ManifestException(source, "not YAML: " + e.getMessage());
    }
  }

  private HasMetadata typed(String source, JsonNode document) {
    String kind = document.path("apiVersion").asText() + " " + document.path("kind").asText();
    String where = source + " " + kind + " " + document.at("/metadata/name").asText("(no name)");
    Class<? extends HasMetadata> type = KINDS.get(kind);
    if (type == null) {
      throw new ManifestException(
          where, "unknown kind; known: " + KINDS.keySet().stream().sorted().toList());
    }
    HasMetadata object;
    try {
      object = serialization.convertValue(document, type);
    } catch (IllegalArgumentException e) {
      throw new ManifestException(where, "a value of the wrong type: " + e.getMessage());
    }
    List<String> unknown = UnknownFields.of(object);
    if (!unknown.isEmpty()) {
      throw new ManifestException(where, "unknown fields " + unknown);
    }
    return object;
  }
}
