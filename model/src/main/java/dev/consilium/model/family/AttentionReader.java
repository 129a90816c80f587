package dev.consilium.model.family;

import dev.consilium.model.family.AttentionRules.Keys;
import dev.consilium.model.family.SingleBlocks.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Reads the attention of every layer.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class AttentionReader {

  private static final int MAX_HEADS = 4096;
  private static final int MAX_HEAD_DIM = 1 << 14;
  private static final int MAX_INTERVAL = 4096;
  private static final int MAX_CLIP = 1_000_000;

  private static final Optional<TemperatureTuning> NO_TUNING = Optional.empty();

  private final AttentionRules rules;
  private final ConfigFields fields;

  AttentionReader(AttentionRules rules, ConfigFields fields) {
    this.rules = rules;
    this.fields = fields;
  }

  /** The attention of each layer. */
  List<AttentionSpec> read(int layers, int hidden, int context) {
    int heads = fields.integer("num_attention_heads", 1, MAX_HEADS);
    int kvHeads = kvHeads(heads);
    int headDim = headDim(hidden, heads);
    RotarySpec rotary = new RotaryReader(fields, rules.rotary(), headDim, context).read();
    QkNorm qkNorm = rules.qkNorm().used().read(fields) ? rules.qkNorm().kind() : QkNorm.NONE;
    boolean bias = rules.biases().inputs().read(fields);
    AttentionProjections projections =
        new AttentionProjections(
            bias, bias && rules.biases().output(), clip(), rules.projection().gate());
    List<Boolean> turned = turnedLayers(layers);
    List<KeyRange> keys = new KeyRangeReader(rules.keys(), fields).read(turned);
    AttentionScores plain = new AttentionScores(scale(headDim), rules.scores().sinks(), NO_TUNING);
    AttentionScores tuned = new AttentionScores(plain.scale(), plain.sinks(), temperature());
    Set<Integer> without = layersWithout();
    List<AttentionSpec> all = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      if (without.contains(i)) {
        all.add(new NoMixing());
        continue;
      }
      boolean turns = turned.get(i);
      all.add(
          new GroupedQueryAttention(
              heads,
              kvHeads,
              headDim,
              turns ? Optional.of(rotary) : Optional.empty(),
              qkNorm.rotated() && !turns ? QkNorm.NONE : qkNorm,
              keys.get(i),
              turns ? plain : tuned,
              projections));
    }
    return all;
  }

  /** The magnitude at which queries, keys and values are cut off. */
  private float clip() {
    String field = rules.projection().clipField();
    OptionalDouble stated = field.isEmpty() ? OptionalDouble.empty() : fields.optionalNumber(field);
    if (stated.isEmpty()) {
      return AttentionProjections.UNCLIPPED;
    }
    float clip = (float) stated.getAsDouble();
    if (!(clip > 0) || clip > MAX_CLIP) {
      throw fields.wrong(field, "a number above 0, up to " + MAX_CLIP);
    }
    return clip;
  }

  /** Layers that do not attend; some of them may be recurrent. */
  private Set<Integer> layersWithout() {
    if (rules.keys() != Keys.ALL_IN_SINGLE_BLOCKS) {
      return Set.of();
    }
    List<Kind> kinds = SingleBlocks.read(fields);
    return IntStream.range(0, kinds.size())
        .filter(i -> kinds.get(i) != Kind.ATTENTION)
        .boxed()
        .collect(Collectors.toSet());
  }

  private int kvHeads(int heads) {
    int absent = rules.projection().kvHeads().orElse(heads);
    int kvHeads = fields.optionalInteger("num_key_value_heads", 1, MAX_HEADS).orElse(absent);
    if (heads % kvHeads != 0) {
      throw fields.wrong(
          "num_key_value_heads", "a divisor of num_attention_heads, which is " + heads);
    }
    return kvHeads;
  }

  private int headDim(int hidden, int heads) {
    OptionalInt stated = fields.optionalInteger("head_dim", 1, MAX_HEAD_DIM);
    OptionalInt known = stated.isPresent() ? stated : rules.headDim();
    if (known.isEmpty() && hidden % heads != 0) {
      throw fields.wrong(
          "num_attention_heads",
          "a divisor of hidden_size, which is %d, as there is no head_dim".formatted(hidden));
    }
    int headDim = known.orElse(hidden / heads);
    if (headDim > MAX_HEAD_DIM) {
      throw fields.wrong("num_attention_heads", "at most " + MAX_HEAD_DIM + " values per head");
    }
    // Where the reference of a family knows no head_dim, it norms over hidden_size values.
    boolean derived = rules.qkNorm().kind() == QkNorm.WHOLE_PROJECTION && rules.headDim().isEmpty();
    if (derived && (long) headDim * heads != hidden) {
      throw fields.wrong("head_dim", "hidden_size / num_attention_heads");
    }
    return headDim;
  }

  private float scale(int headDim) {
    String field = rules.scores().scaleField();
    return field.isEmpty()
        ? (float) (1 / Math.sqrt(headDim))
        : BlockRules.multiplier(fields, field);
  }

  /** Which layers know positions. */
  private List<Boolean> turnedLayers(int layers) {
    return switch (rules.rotary().layers()) {
      case ALL -> Collections.nCopies(layers, true);
      case LISTED -> listedLayers(layers);
      case WINDOWED -> windowed(layers);
      case NONE -> Collections.nCopies(layers, false);
      case ALL_IF_NAMED -> Collections.nCopies(layers, namedRotary());
    };
  }

  private List<Boolean> windowed(int layers) {
    if (!fields.has("sliding_window")) {
      return Collections.nCopies(layers, true);
    }
    List<Boolean> all = Collections.nCopies(layers, true);
    return new KeyRangeReader(rules.keys(), fields)
        .read(all).stream().map(range -> !(range instanceof AllKeys)).toList();
  }

  private boolean namedRotary() {
    String type = fields.optionalText("position_embedding_type").orElse("nope");
    if (!type.equals("rope") && !type.equals("nope")) {
      throw fields.wrong("position_embedding_type", "\"rope\" or \"nope\"");
    }
    return type.equals("rope");
  }

  private List<Boolean> listedLayers(int layers) {
    int interval = fields.optionalInteger("no_rope_layer_interval", 1, MAX_INTERVAL).orElse(4);
    List<Integer> listed = fields.integers("no_rope_layers", 0, 1);
    if (!listed.isEmpty() && listed.size() != layers) {
      throw fields.wrong("no_rope_layers", layers + " entries, one per layer");
    }
    List<Boolean> turned = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      turned.add(listed.isEmpty() ? (i + 1) % interval != 0 : listed.get(i) == 1);
    }
    return turned;
  }

  private Optional<TemperatureTuning> temperature() {
    if (!rules.scores().temperature()) {
      return NO_TUNING;
    }
    int floorScale = fields.optionalInteger("floor_scale", 1, Integer.MAX_VALUE).orElse(8192);
    double strength = fields.optionalNumber("attn_scale").orElse(0.1);
    return fields.flag("attn_temperature_tuning", true)
        ? Optional.of(new TemperatureTuning(floorScale, strength))
        : NO_TUNING;
  }
}
