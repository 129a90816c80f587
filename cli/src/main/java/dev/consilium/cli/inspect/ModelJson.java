package dev.consilium.cli.inspect;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.cli.inspect.InspectedModel.Explanation;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.tensor.KvDType;

/** A model for programs: one JSON object. */
public final class ModelJson {

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private ModelJson() {}

  /** Pretty-printed. */
  public static String of(InspectedModel model) {
    ObjectNode tree = MAPPER.createObjectNode();
    tree.put("directory", model.path().toString());
    tree.put("supported", model.problem().isEmpty());
    model.problem().ifPresent(problem -> tree.put("problem", problem));
    model.explanation().ifPresent(explanation -> explain(explanation, tree));
    try {
      return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(tree);
    } catch (JsonProcessingException impossible) {
      throw new IllegalStateException(
          "a tree of numbers and texts could not be written", impossible);
    }
  }

  private static void explain(Explanation model, ObjectNode tree) {
    ModelSpec spec = model.spec();
    tree.put("weightsPresent", model.fingerprint().isPresent());
    model.fingerprint().ifPresent(fingerprint -> tree.put("fingerprint", fingerprint));
    tree.put("family", spec.family());
    tree.put("architecture", spec.architecture());
    tree.put("hiddenSize", spec.hiddenSize());
    tree.put("vocabularySize", spec.vocabularySize());
    tree.put("contextLength", spec.contextLength());
    tree.set("storedBytesOfType", MAPPER.valueToTree(model.storedBytes()));
    cache(spec, model.kvDType(), tree);
    ArrayNode attention = tree.putArray("attentionOfLayers");
    spec.layers().forEach(layer -> attention.add(AttentionWords.brief(layer.attention())));
    ArrayNode kinds = tree.putArray("kindsOfLayers");
    LayerGroup.of(spec.layers().size(), i -> words(spec.layers().get(i)))
        .forEach(group -> {
          ObjectNode kind = kinds.addObject();
          kind.set("layers", MAPPER.valueToTree(group.layers()));
          kind.setAll(group.common());
        });
    tree.setAll((ObjectNode) MAPPER.valueToTree(model.summary()));
  }

  private static void cache(ModelSpec spec, KvDType dtype, ObjectNode tree) {
    CacheSizes sizes = new CacheSizes(spec);
    tree.put("kvDtype", ModelText.name(dtype));
    ObjectNode bytes = tree.putObject("keyValueBytesPerTokenOfDtype");
    ObjectNode windowed = tree.putObject("windowedKeyValueBytesPerTokenOfDtype");
    ObjectNode fullContext = tree.putObject("fullContextKeyValueBytesOfDtype");
    for (KvDType one : KvDType.values()) {
      bytes.put(ModelText.name(one), sizes.bytesPerToken(one));
      windowed.put(ModelText.name(one), sizes.windowedBytesPerToken(one));
      fullContext.put(ModelText.name(one), sizes.fullContextBytes(one));
    }
    tree.put("stateBytesPerSequence", sizes.stateBytes());
  }

  private static ObjectNode words(LayerSpec layer) {
    ObjectNode words = MAPPER.createObjectNode();
    words.put("attention", AttentionWords.of(layer.attention()));
    words.put("positions", AttentionWords.positions(layer.attention()));
    words.put("feedForward", FeedForwardWords.of(layer.feedForward()));
    if (layer.feedForward() instanceof MixtureOfExperts experts) {
      words.put("gate", GateWords.of(experts.gate()));
    }
    return words;
  }
}
