package dev.consilium.model.family;

import dev.consilium.model.family.SingleBlocks.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Reads the recurrent layers of a configuration.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class RecurrentReader {

  private static final int MAX_HEADS = 4096;
  private static final int MAX_DIM = 1 << 14;
  private static final int MAX_TAPS = 64;
  private static final int MAX_EXPAND = 64;

  private static final int MAX_INTERVAL = 4096;

  /** Whatever {@code rms_norm_eps} says. */
  private static final float LIGHTNING_EPSILON = 1e-6f;

  private final Recurrence rule;
  private final ConfigFields fields;

  RecurrentReader(Recurrence rule, ConfigFields fields) {
    this.rule = rule;
    this.fields = fields;
  }

  /** The recurrence of each layer that is recurrent. */
  List<Optional<RecurrentAttention>> read(int layers, int hidden) {
    return switch (rule) {
      case NONE -> Collections.nCopies(layers, Optional.empty());
      case DELTA_NET -> {
        List<String> listed = types(layers, "linear_attention", "full_attention");
        List<String> byInterval = inIntervals(layers); // may stand beside the list, which counts
        yield where(listed.isEmpty() ? byInterval : listed, "linear_attention", deltaNet());
      }
      case MAMBA2 -> {
        List<String> types = types(layers, "mamba", "attention");
        yield where(
            types.isEmpty() ? Collections.nCopies(layers, "mamba") : types,
            "mamba",
            mamba2(hidden));
      }
      case MAMBA2_SINGLE_BLOCKS -> {
        Mamba2 layer = unexpandedMamba2();
        yield SingleBlocks.read(fields).stream()
            .map(kind ->
                kind == Kind.RECURRENT
                    ? Optional.<RecurrentAttention>of(layer)
                    : Optional.<RecurrentAttention>empty())
            .toList();
      }
      case CHANNEL_DELTA_NET -> channelDeltaNets(layers);
      case LIGHTNING -> lightning(listedKinds(layers), hidden);
      case LIGHTNING_NUMBERED -> lightning(numberedKinds(layers), hidden);
      case MAMBA1 -> where(inPeriods(layers), "mamba", mamba1(hidden));
      case SHORT_CONVOLUTION -> {
        List<String> types = types(layers, "conv", "full_attention");
        if (types.isEmpty()) {
          throw fields.wrong("layer_types", "conv or full_attention for each layer");
        }
        yield where(types, "conv", shortConvolution(hidden));
      }
    };
  }

  private static List<Optional<RecurrentAttention>> where(
      List<String> types, String recurrent, RecurrentAttention layer) {
    return types.stream()
        .map(type ->
            type.equals(recurrent) ? Optional.of(layer) : Optional.<RecurrentAttention>empty())
        .toList();
  }

  private List<String> inIntervals(int layers) {
    int interval = fields.optionalInteger("full_attention_interval", 1, MAX_INTERVAL).orElse(4);
    return IntStream.rangeClosed(1, layers)
        .mapToObj(layer -> layer % interval == 0 ? "full_attention" : "linear_attention")
        .toList();
  }

  /** What {@code layer_types} says; empty when absent. */
  private List<String> types(int layers, String recurrent, String other) {
    return fields.layerKinds("layer_types", layers, recurrent, other);
  }

  private List<Optional<RecurrentAttention>> channelDeltaNets(int layers) {
    ConfigFields linear =
        fields
            .object("linear_attn_config")
            .orElseThrow(() -> fields.wrong("linear_attn_config", "an object"));
    Set<Integer> delta = Set.copyOf(linear.integers("kda_layers", 1, layers));
    Set<Integer> full = Set.copyOf(linear.integers("full_attn_layers", 1, layers));
    int headDim = linear.integer("head_dim", 1, MAX_DIM);
    ChannelDeltaNet layer =
        new ChannelDeltaNet(
            linear.integer("num_heads", 1, MAX_HEADS),
            headDim,
            headDim,
            linear.integer("short_conv_kernel_size", 1, MAX_TAPS));
    linear.refuseUnread();
    List<Optional<RecurrentAttention>> all = new ArrayList<>();
    for (int number = 1; number <= layers; number++) {
      if (delta.contains(number) == full.contains(number)) {
        throw linear.wrong("kda_layers", "layer " + number + " there or in full_attn_layers");
      }
      all.add(delta.contains(number) ? Optional.of(layer) : Optional.empty());
    }
    return all;
  }

  /** For each layer whether it is linear; where nothing says so, every second one. */
  private List<Boolean> listedKinds(int layers) {
    List<String> listed = types(layers, "linear_attention", "full_attention");
    return IntStream.range(0, layers)
        .mapToObj(i -> listed.isEmpty() ? i % 2 == 1 : listed.get(i).equals("linear_attention"))
        .toList();
  }

  private List<Boolean> numberedKinds(int layers) {
    List<Integer> kinds = fields.integers("attn_type_list", 0, 1);
    if (kinds.size() != layers) {
      throw fields.wrong("attn_type_list", layers + " entries, one per layer: 0 linear, 1 full");
    }
    return kinds.stream().map(kind -> kind == 0).toList();
  }

  private List<Optional<RecurrentAttention>> lightning(List<Boolean> linear, int hidden) {
    int layers = linear.size();
    int heads = fields.integer("num_attention_heads", 1, MAX_HEADS);
    int headDim = fields.optionalInteger("head_dim", 1, MAX_DIM).orElse(hidden / heads);
    List<Optional<RecurrentAttention>> all = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      double slope = 1 - i / (layers - 1 + 1e-5) + 1e-5;
      all.add(
          linear.get(i)
              ? Optional.of(new LightningAttention(heads, headDim, slope, LIGHTNING_EPSILON))
              : Optional.empty());
    }
    return all;
  }

  private List<String> inPeriods(int layers) {
    int period = fields.optionalInteger("attn_layer_period", 1, MAX_INTERVAL).orElse(8);
    int offset = fields.optionalInteger("attn_layer_offset", 0, period - 1).orElse(4);
    return IntStream.range(0, layers)
        .mapToObj(layer -> layer % period == offset ? "attention" : "mamba")
        .toList();
  }

  private Mamba1 mamba1(int hidden) {
    int expand = fields.optionalInteger("mamba_expand", 1, MAX_EXPAND).orElse(2);
    OptionalInt rank =
        fields.is("mamba_dt_rank", "auto")
            ? OptionalInt.empty()
            : fields.optionalInteger("mamba_dt_rank", 1, MAX_DIM);
    return new Mamba1(
        Math.multiplyExact(expand, hidden),
        fields.optionalInteger("mamba_d_state", 1, MAX_DIM).orElse(16),
        rank.orElse(Math.ceilDiv(hidden, 16)),
        fields.optionalInteger("mamba_d_conv", 1, MAX_TAPS).orElse(4),
        fields.flag("mamba_conv_bias", true),
        fields.flag("mamba_proj_bias", false));
  }

  private ShortConvolution shortConvolution(int hidden) {
    return new ShortConvolution(
        hidden,
        fields.optionalInteger("conv_L_cache", 2, MAX_TAPS).orElse(3),
        fields.flag("conv_bias", false));
  }

  /** The {@code linear_} fields; absent ones are what the reference takes them for. */
  private GatedDeltaNet deltaNet() {
    int heads = fields.optionalInteger("linear_num_value_heads", 1, MAX_HEADS).orElse(32);
    int keyHeads = fields.optionalInteger("linear_num_key_heads", 1, MAX_HEADS).orElse(16);
    if (heads % keyHeads != 0) {
      throw fields.wrong(
          "linear_num_key_heads", "a divisor of linear_num_value_heads, which is " + heads);
    }
    return new GatedDeltaNet(
        heads,
        keyHeads,
        fields.optionalInteger("linear_key_head_dim", 1, MAX_DIM).orElse(128),
        fields.optionalInteger("linear_value_head_dim", 1, MAX_DIM).orElse(128),
        fields.optionalInteger("linear_conv_kernel_dim", 1, MAX_TAPS).orElse(4));
  }

  /** The {@code mamba_} fields; absent ones are what the reference takes them for. */
  private Mamba2 mamba2(int hidden) {
    fields.ignore(Set.of("mamba_chunk_size")); // how the reference cuts its work
    int expand = fields.optionalInteger("mamba_expand", 1, MAX_EXPAND).orElse(2);
    int heads = fields.optionalInteger("mamba_n_heads", 1, MAX_HEADS).orElse(128);
    int groups = fields.optionalInteger("mamba_n_groups", 1, MAX_HEADS).orElse(1);
    if (heads % groups != 0) {
      throw fields.wrong("mamba_n_groups", "a divisor of mamba_n_heads, which is " + heads);
    }
    return new Mamba2(
        heads,
        groups,
        fields.optionalInteger("mamba_d_state", 1, MAX_DIM).orElse(256),
        headDim((long) expand * hidden, heads),
        fields.optionalInteger("mamba_d_conv", 1, MAX_TAPS).orElse(4),
        1,
        fields.flag("mamba_conv_bias", true),
        false,
        0,
        Float.POSITIVE_INFINITY);
  }

  /** Fields that say the width by heads, so that {@code expand} says nothing. */
  private Mamba2 unexpandedMamba2() {
    fields.ignore(Set.of("chunk_size", "expand"));
    int heads = fields.optionalInteger("mamba_num_heads", 1, MAX_HEADS).orElse(128);
    int groups = fields.optionalInteger("n_groups", 1, MAX_HEADS).orElse(8);
    if (heads % groups != 0) {
      throw fields.wrong("n_groups", "a divisor of mamba_num_heads, which is " + heads);
    }
    List<Double> steps = fields.bounds("time_step_limit");
    return new Mamba2(
        heads,
        groups,
        fields.optionalInteger("ssm_state_size", 1, MAX_DIM).orElse(128),
        fields.optionalInteger("mamba_head_dim", 1, MAX_DIM).orElse(64),
        fields.optionalInteger("conv_kernel", 1, MAX_TAPS).orElse(4),
        groups,
        fields.flag("use_conv_bias", true),
        fields.flag("use_bias", false),
        steps.isEmpty() ? 0 : steps.getFirst().floatValue(),
        steps.isEmpty() ? Float.POSITIVE_INFINITY : steps.getLast().floatValue());
  }

  /** Absent or {@code "auto"}: what makes the heads as wide as the expanded hidden state. */
  private int headDim(long width, int heads) {
    boolean automatic = fields.is("mamba_d_head", "auto");
    OptionalInt stated =
        automatic ? OptionalInt.empty() : fields.optionalInteger("mamba_d_head", 1, MAX_DIM);
    long headDim = stated.isPresent() ? stated.getAsInt() : width / heads;
    if (headDim < 1 || headDim > MAX_DIM || headDim * heads != width) {
      throw fields.wrong(
          "mamba_d_head",
          "%d values in all, as mamba_expand and hidden_size say, over %d heads"
              .formatted(width, heads));
    }
    return (int) headDim;
  }
}
