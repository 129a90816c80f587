package dev.consilium.cli.inspect;

import dev.consilium.cli.Amounts;
import dev.consilium.cli.Style;
import dev.consilium.cli.inspect.InspectedModel.Explanation;
import dev.consilium.model.checkpoint.ModelSummary;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.Multipliers;
import dev.consilium.tensor.KvDType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** A model in people's words. */
public final class ModelText {

  private final Style style;
  private final List<String> lines = new ArrayList<>();

  private ModelText(Style style) {
    this.style = style;
  }

  /** Some lines. */
  public static String of(InspectedModel model, Style style) {
    ModelText text = new ModelText(style);
    text.lines.add(style.bold(model.path().toString()));
    model.explanation().ifPresent(explanation -> text.explain(explanation, model.problem()));
    model.problem().ifPresent(problem -> text.fact("refused", problem));
    return String.join("\n", text.lines);
  }

  private void explain(Explanation model, Optional<String> problem) {
    ModelSpec spec = model.spec();
    fact("family", spec.family() + " (" + spec.architecture() + ")");
    sizes(model, problem);
    fact("shape", shape(spec));
    fact("vocabulary", vocabulary(spec));
    factOfLayers("attention", spec, layer -> Optional.of(AttentionWords.of(layer.attention())));
    factOfLayers(
        "positions", spec, layer -> Optional.of(AttentionWords.positions(layer.attention())));
    factOfLayers(
        "feed-forward", spec, layer -> Optional.of(FeedForwardWords.of(layer.feedForward())));
    factOfLayers("gate", spec, ModelText::gate);
    cache(spec, model.kvDType());
    lines.add("");
    lines.addAll(new LayerTable(spec, model.summary().layers()).lines(style));
  }

  private void sizes(Explanation model, Optional<String> problem) {
    ModelSummary summary = model.summary();
    fact(
        "parameters",
        "%s in all, %s active for one token"
            .formatted(
                Amounts.count(summary.totalParameters()),
                Amounts.count(summary.activeParameters())));
    long stored = model.storedBytes().values().stream().mapToLong(Long::longValue).sum();
    String types =
        model.storedBytes().entrySet().stream()
            .map(type -> type.getKey() + " " + Amounts.bytes(type.getValue()))
            .collect(Collectors.joining(", "));
    boolean present = model.fingerprint().isPresent();
    fact("weights", present ? types : absence(problem) + ": by its configuration " + types);
    if (stored != summary.totalBytes()) {
      fact("in memory", Amounts.bytes(summary.totalBytes()));
    }
  }

  private static String absence(Optional<String> problem) {
    return problem.isPresent() ? "not usable" : "there are none here";
  }

  private static String shape(ModelSpec spec) {
    String norm =
        switch (spec.norm().kind()) {
          case RMS -> "RMS norms";
          case RMS_AROUND_ONE -> "RMS norms with weights around 0, to which 1 is added";
          case LAYER -> "layer norms with biases";
          case LAYER_UNBIASED -> "layer norms without biases";
        };
    String place =
        switch (spec.norm().place()) {
          case BEFORE -> "before each block";
          case ON_STREAM -> "before each block, on the residual stream itself";
          case AFTER -> "behind each block";
        };
    return "%d layers of width %d; %s %s, epsilon %s%s"
        .formatted(
            spec.layers().size(),
            spec.hiddenSize(),
            norm,
            place,
            Numbers.plain(spec.normEpsilon()),
            multipliers(spec.multipliers()));
  }

  private static String multipliers(Multipliers multipliers) {
    return multipliers.equals(Multipliers.NONE)
        ? ""
        : "; embeddings times %s, what a block adds times %s, logits times %s"
            .formatted(
                Numbers.plain(multipliers.embedding()),
                Numbers.plain(multipliers.residual()),
                Numbers.plain(multipliers.logits()));
  }

  private static String vocabulary(ModelSpec spec) {
    return "%d tokens; %s%s"
        .formatted(
            spec.vocabularySize(),
            spec.tiedEmbeddings() ? "the embedding is the head, too" : "a head of its own",
            spec.headBias() ? ", with a bias" : "");
  }

  private static Optional<String> gate(LayerSpec layer) {
    return layer.feedForward() instanceof MixtureOfExperts experts
        ? Optional.of(GateWords.of(experts.gate()))
        : Optional.empty();
  }

  private void cache(ModelSpec spec, KvDType dtype) {
    CacheSizes sizes = new CacheSizes(spec);
    long perToken = sizes.bytesPerToken(dtype);
    fact(
        "context",
        "%d tokens; keys and values take %s for each, %s for a full context"
            .formatted(
                spec.contextLength(),
                Amounts.bytes(perToken),
                Amounts.bytes(sizes.fullContextBytes(dtype))));
    if (sizes.windowedBytesPerToken(dtype) > 0) {
      fact(
          "windows",
          "%s of the %s for each token are in layers that keep the last ones only"
              .formatted(
                  Amounts.bytes(sizes.windowedBytesPerToken(dtype)), Amounts.bytes(perToken)));
    }
    fact("kv-dtype", keyValueSizes(sizes, dtype));
    if (sizes.stateBytes() > 0) {
      fact(
          "state",
          "%s for each sequence, however long it is: recurrent layers"
              .formatted(Amounts.bytes(sizes.stateBytes())));
    }
  }

  private static String keyValueSizes(CacheSizes sizes, KvDType chosen) {
    return "%s by itself; a token takes %s"
        .formatted(
            name(chosen),
            Arrays.stream(KvDType.values())
                .map(dtype -> name(dtype) + " " + Amounts.bytes(sizes.bytesPerToken(dtype)))
                .collect(Collectors.joining(", ")));
  }

  static String name(KvDType dtype) {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  /** One line if the same holds for all layers that have it, otherwise one for each kind. */
  private void factOfLayers(
      String name, ModelSpec spec, Function<LayerSpec, Optional<String>> words) {
    List<LayerGroup<Optional<String>>> groups =
        LayerGroup.of(spec.layers().size(), i -> words.apply(spec.layers().get(i))).stream()
            .filter(group -> group.common().isPresent())
            .toList();
    String title = name;
    for (LayerGroup<Optional<String>> group : groups) {
      String said = group.common().orElseThrow();
      fact(title, groups.size() == 1 ? said : group.named() + ": " + said);
      title = "";
    }
  }

  private void fact(String name, String value) {
    lines.add("  %-14s%s".formatted(name, value));
  }
}
