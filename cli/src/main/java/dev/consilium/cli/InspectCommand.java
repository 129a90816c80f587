package dev.consilium.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.cli.cluster.Installation;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.ModelSummary;
import dev.consilium.model.family.AllKeys;
import dev.consilium.model.family.AttentionSpec;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.KeyChunks;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.SlidingWindow;
import dev.consilium.router.KvCacheDType;
import dev.consilium.router.forward.ForwardPass;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.tensor.KvDType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says what is in a checkpoint, from its configuration and headers; no weight is read. */
@Command(
    name = "inspect",
    description = "What is in a checkpoint: family, parameters, bytes for each layer and expert.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium inspect                       the demo model",
      "  consilium inspect ~/models/mixtral      will it fit? bytes of one expert times experts, divided among nodes",
      "  consilium inspect --json DIR | jq .totalParameters",
    })
final class InspectCommand implements Callable<Integer> {

  @Parameters(
      paramLabel = "DIR",
      description = "Model directories. Default: the demo model.",
      arity = "0..*")
  private List<Path> models = new ArrayList<>();

  @Option(names = "--json", description = "For programs: one JSON object for each model.")
  private boolean json;

  private final Style style = Style.ofOutput();

  @Override
  public Integer call() {
    List<Path> directories = models.isEmpty() ? List.of(Installation.demoModel()) : models;
    for (Path directory : directories) {
      try (Checkpoint checkpoint = Checkpoint.open(ModelOption.checked(directory))) {
        ModelSummary summary = ModelSummary.of(checkpoint);
        System.out.println(json ? asJson(checkpoint, summary) : asText(checkpoint, summary));
      }
    }
    return 0;
  }

  private static String asJson(Checkpoint checkpoint, ModelSummary summary) {
    ObjectMapper mapper = new ObjectMapper();
    ModelSpec spec = checkpoint.spec();
    ObjectNode tree = mapper.createObjectNode();
    tree.put("directory", checkpoint.directory().toString());
    tree.put("fingerprint", checkpoint.fingerprint());
    tree.put("family", spec.family());
    tree.put("architecture", spec.architecture());
    tree.put("hiddenSize", spec.hiddenSize());
    tree.put("vocabularySize", spec.vocabularySize());
    tree.put("contextLength", spec.contextLength());
    tree.put("kvDtype", name(KvCacheDType.AUTO.dtype(checkpoint)));
    ObjectNode keyValueBytes = tree.putObject("keyValueBytesPerTokenOfDtype");
    for (KvDType dtype : KvDType.values()) {
      keyValueBytes.put(name(dtype), keyValueBytes(spec, dtype));
    }
    tree.put("stateBytesPerSequence", stateBytes(spec));
    ArrayNode attention = tree.putArray("attentionOfLayers");
    spec.layers().forEach(layer -> attention.add(attention(layer.attention())));
    tree.setAll((ObjectNode) mapper.valueToTree(summary));
    try {
      return mapper.writerWithDefaultPrettyPrinter().writeValueAsString(tree);
    } catch (JsonProcessingException impossible) {
      throw new IllegalStateException(
          "a tree of numbers and texts could not be written", impossible);
    }
  }

  private String asText(Checkpoint checkpoint, ModelSummary summary) {
    ModelSpec spec = checkpoint.spec();
    KvDType kvDType = KvCacheDType.AUTO.dtype(checkpoint);
    List<String> lines = new ArrayList<>();
    lines.add(style.bold(checkpoint.directory().toString()));
    lines.add(fact("family", spec.family() + " (" + spec.architecture() + ")"));
    lines.add(
        fact(
            "parameters",
            "%s in all, %s active for one token"
                .formatted(
                    Amounts.count(summary.totalParameters()),
                    Amounts.count(summary.activeParameters()))));
    lines.add(fact("weights", Amounts.bytes(summary.totalBytes())));
    lines.add(
        fact(
            "shape",
            "%d layers, hidden size %d".formatted(spec.layers().size(), spec.hiddenSize())));
    lines.add(fact("vocabulary", "%d tokens".formatted(spec.vocabularySize())));
    lines.add(
        fact(
            "context",
            "%d tokens; keys and values take %s for each, %s for a full context"
                .formatted(
                    spec.contextLength(),
                    Amounts.bytes(keyValueBytes(spec, kvDType)),
                    Amounts.bytes(keyValueBytes(spec, kvDType) * spec.contextLength()))));
    lines.add(fact("kv-dtype", keyValueSizes(spec, kvDType)));
    if (stateBytes(spec) > 0) {
      lines.add(
          fact(
              "state",
              "%s for each sequence, however long it is: recurrent layers"
                  .formatted(Amounts.bytes(stateBytes(spec)))));
    }
    lines.add("");
    lines.addAll(layerTable(spec, summary.layers()));
    return String.join("\n", lines);
  }

  /** Of one token, over all layers, with scales and what fills up vectors. */
  private static long keyValueBytes(ModelSpec spec, KvDType kvDType) {
    return ForwardPass.cacheLayout(spec, kvDType).blockBytes() / KvPool.BLOCK_TOKENS;
  }

  private static long stateBytes(ModelSpec spec) {
    return ForwardPass.cacheLayout(spec, KvDType.F32).stateBytes();
  }

  private static String keyValueSizes(ModelSpec spec, KvDType chosen) {
    List<String> sizes = new ArrayList<>();
    for (KvDType dtype : KvDType.values()) {
      sizes.add(name(dtype) + " " + Amounts.bytes(keyValueBytes(spec, dtype)));
    }
    return "%s by itself; a token takes %s".formatted(name(chosen), String.join(", ", sizes));
  }

  private static String name(KvDType dtype) {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  private static String fact(String name, String value) {
    return "  %-12s%s".formatted(name, value);
  }

  /** One row for each run of layers that are alike. */
  private List<String> layerTable(ModelSpec spec, List<ModelSummary.Layer> layers) {
    List<String> rows = new ArrayList<>();
    rows.add(
        style.bold(
            "  %-8s %-16s %10s %14s %14s %14s %12s"
                .formatted(
                    "layers",
                    "attention",
                    "experts",
                    "one expert",
                    "shared",
                    "whole layer",
                    "parameters")));
    int first = 0;
    for (int i = 1; i <= layers.size(); i++) {
      if (i == layers.size() || !alike(spec, layers.get(first), layers.get(i))) {
        rows.add(row(spec, layers.get(first), i - 1));
        first = i;
      }
    }
    return rows;
  }

  private static boolean alike(ModelSpec spec, ModelSummary.Layer one, ModelSummary.Layer other) {
    return attention(spec, one).equals(attention(spec, other))
        && one.parameters() == other.parameters()
        && one.bytes() == other.bytes()
        && one.experts() == other.experts()
        && one.expertsPerToken() == other.expertsPerToken()
        && one.expertBytes() == other.expertBytes();
  }

  private static String row(ModelSpec spec, ModelSummary.Layer layer, int last) {
    String which = layer.index() == last ? String.valueOf(last) : layer.index() + "-" + last;
    boolean dense = layer.experts() == 0;
    return "  %-8s %-16s %10s %14s %14s %14s %12s"
        .formatted(
            which,
            attention(spec, layer),
            dense ? "dense" : layer.experts() + ", top " + layer.expertsPerToken(),
            dense ? "-" : Amounts.bytes(layer.expertBytes()),
            layer.sharedExpertBytes() == 0 ? "-" : Amounts.bytes(layer.sharedExpertBytes()),
            Amounts.bytes(layer.bytes()),
            Amounts.count(layer.parameters()));
  }

  private static String attention(ModelSpec spec, ModelSummary.Layer layer) {
    return attention(spec.layers().get(layer.index()).attention());
  }

  /** What mixes tokens, in a word or two. */
  private static String attention(AttentionSpec attention) {
    return switch (attention) {
      case GroupedQueryAttention grouped ->
          switch (grouped.keys()) {
            case AllKeys() -> "full";
            case SlidingWindow(int keys) -> "last " + keys;
            case KeyChunks(int size) -> "chunks of " + size;
          };
      case LatentAttention _ -> "latent";
      case GatedDeltaNet _ -> "gated delta net";
      case Mamba2 _ -> "Mamba2";
    };
  }
}
