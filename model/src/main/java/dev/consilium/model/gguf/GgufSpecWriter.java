package dev.consilium.model.gguf;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.LinearScaling;
import dev.consilium.model.family.LlamaScaling;
import dev.consilium.model.family.LongRopeScaling;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoScaling;
import dev.consilium.model.family.RotaryScaling;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.model.family.RotaryTable;
import dev.consilium.model.family.WeightNames;
import dev.consilium.model.family.YarnScaling;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Writes the metadata that stand for a specification, as far as GGUF has keys for it. What it has
 * none for is lost: whoever writes a file compares what {@link GgufSpec} makes of it with {@link
 * #expressed}.
 */
public final class GgufSpecWriter {

  /** The key of a file's architecture; keys that begin with its value and a dot belong to it. */
  public static final String ARCHITECTURE = "general.architecture";

  private GgufSpecWriter() {}

  /**
   * Writes {@code general.architecture} and the keys of that architecture.
   *
   * @throws IllegalArgumentException if no architecture of GGUF is this family
   */
  public static void write(ModelSpec spec, GgufMetadataBuilder metadata) {
    GgufArchitecture architecture = architecture(spec);
    metadata.text(ARCHITECTURE, architecture.name());
    GgufWriting writing = new GgufWriting(architecture, metadata);
    architecture.axes().forEach(axis -> axis.write(spec, writing));
  }

  private static GgufArchitecture architecture(ModelSpec spec) {
    return GgufArchitectures.of(spec)
        .orElseThrow(() ->
            new IllegalArgumentException(
                "family %s has no architecture in GGUF; known are %s"
                    .formatted(spec.family(), GgufArchitectures.known())));
  }

  /**
   * What files call the weights of a model.
   *
   * @throws IllegalArgumentException if no architecture of GGUF is this family
   */
  public static WeightNames names(ModelSpec spec) {
    return architecture(spec).names();
  }

  /** Whether files hold this family's query and key rows as neighbouring pairs. */
  public static boolean interleaves(ModelSpec spec) {
    return architecture(spec).rotaryPairs() == GgufArchitecture.RotaryPairs.NEIGHBOURS;
  }

  /**
   * The same model in the words of GGUF: norms that add nothing, and factors of frequencies in
   * place of a rule for them.
   */
  public static ModelSpec expressed(ModelSpec spec) {
    List<LayerSpec> layers = new ArrayList<>();
    for (LayerSpec layer : spec.layers()) {
      layers.add(
          layer.attention() instanceof GroupedQueryAttention grouped
              ? new LayerSpec(
                  layer.index(),
                  grouped.withRotary(
                      grouped.rotary().map(rotary -> expressed(rotary, spec.contextLength()))),
                  layer.feedForward(),
                  layer.attentionResidual(),
                  layer.feedForwardResidual())
              : layer);
    }
    return GgufSpec.plainNorms(spec).withLayers(layers);
  }

  private static RotarySpec expressed(RotarySpec rotary, int context) {
    return switch (rotary.scaling()) {
      case LlamaScaling _ -> {
        List<Double> factors = factors(rotary);
        yield scaled(rotary, new LongRopeScaling(factors, factors, context, 1, 1));
      }
      case LongRopeScaling longRope ->
          scaled(
              rotary,
              new LongRopeScaling(
                  rounded(longRope.shortFactors()),
                  rounded(longRope.longFactors()),
                  longRope.originalContextLength(),
                  (float) longRope.shortMagnitude(),
                  (float) longRope.longMagnitude()));
      case YarnScaling yarn -> scaled(rotary, GgufRotary.expressed(yarn));
      case NoScaling _, LinearScaling _ -> scaled(rotary, rotary.scaling());
    };
  }

  private static RotarySpec scaled(RotarySpec rotary, RotaryScaling scaling) {
    return new RotarySpec(rotary.rotaryDim(), (float) rotary.theta(), rotary.pairing(), scaling);
  }

  /** What a scaling divides frequencies by. */
  private static List<Double> factors(RotarySpec rotary) {
    RotaryTable scaled = RotaryTable.of(rotary);
    RotaryTable plain = RotaryTable.of(scaled(rotary, new NoScaling()));
    List<Double> factors = new ArrayList<>();
    for (int pair = 0; pair < rotary.rotaryDim() / 2; pair++) {
      factors.add((double) (plain.inverseFrequency(pair) / scaled.inverseFrequency(pair)));
    }
    return factors;
  }

  private static List<Double> rounded(List<Double> values) {
    return values.stream().map(value -> (double) value.floatValue()).toList();
  }

  /** The vectors that are part of a specification, by the names of the tensors that hold them. */
  public static SortedMap<String, float[]> vectors(ModelSpec spec) {
    return expressed(spec).layers().stream()
        .filter(layer -> layer.attention() instanceof GroupedQueryAttention)
        .flatMap(layer -> ((GroupedQueryAttention) layer.attention()).rotary().stream())
        .map(RotarySpec::scaling)
        .filter(LongRopeScaling.class::isInstance)
        .findFirst()
        .map(scaling -> vectors((LongRopeScaling) scaling))
        .orElse(Collections.emptySortedMap());
  }

  private static SortedMap<String, float[]> vectors(LongRopeScaling scaling) {
    return new TreeMap<>(
        GgufRotary.alike(scaling)
            ? Map.of(GgufRotary.FACTORS, floats(scaling.longFactors()))
            : Map.of(
                GgufRotary.SHORT_FACTORS, floats(scaling.shortFactors()),
                GgufRotary.LONG_FACTORS, floats(scaling.longFactors())));
  }

  private static float[] floats(List<Double> values) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).floatValue();
    }
    return floats;
  }
}
