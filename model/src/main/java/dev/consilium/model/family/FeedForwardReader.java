package dev.consilium.model.family;

import dev.consilium.model.family.ExpertGroups.GroupScore;
import dev.consilium.model.family.FeedForwardRules.Layers;
import dev.consilium.model.family.FeedForwardRules.Shared;
import dev.consilium.model.family.SingleBlocks.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Reads the feed-forward block of every layer.
 *
 * <p>Not thread-safe; lives for one {@link #read}.
 */
final class FeedForwardReader {

  private static final int MAX_INTERMEDIATE = 1 << 22;
  private static final int MAX_EXPERTS = 1 << 14;
  private static final int MAX_SHARED = 1 << 10;

  private static final String MLP_BIAS = "mlp_bias";

  private final FeedForwardRules rules;
  private final ConfigFields fields;

  FeedForwardReader(FeedForwardRules rules, ConfigFields fields) {
    this.rules = rules;
    this.fields = fields;
  }

  /** The feed-forward block of each layer. */
  List<FeedForwardSpec> read(int layers) {
    BlockBody others = others();
    MixtureOfExperts experts = experts(others);
    Set<Integer> dense = denseLayers(layers);
    Set<Integer> without = layersWithout();
    if (rules.layers() != Layers.ALL) {
      fields.ignore(Set.of(rules.fields().denseSize())); // stated where no layer is dense, too
    }
    Optional<DenseFeedForward> block =
        dense.isEmpty()
            ? Optional.empty()
            : Optional.of(
                new DenseFeedForward(
                    fields.integer(rules.fields().denseSize(), 1, MAX_INTERMEDIATE), others));
    List<FeedForwardSpec> all = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      all.add(
          without.contains(i)
              ? new NoFeedForward()
              : dense.contains(i) ? block.orElseThrow() : experts);
    }
    return all;
  }

  private BlockBody others() {
    if (!rules.others().biases().field().equals(MLP_BIAS)) {
      fields.neutral(MLP_BIAS, Set.of("false"));
    }
    return rules.others().read(fields);
  }

  private Set<Integer> layersWithout() {
    if (rules.layers() != Layers.SINGLE_BLOCKS) {
      return Set.of();
    }
    Set<Integer> mixing = new TreeSet<>(singleBlocks(Kind.RECURRENT));
    mixing.addAll(singleBlocks(Kind.ATTENTION));
    return mixing;
  }

  private Set<Integer> singleBlocks(Kind kind) {
    List<Kind> kinds = SingleBlocks.read(fields);
    return IntStream.range(0, kinds.size())
        .filter(i -> kinds.get(i) == kind)
        .boxed()
        .collect(Collectors.toSet());
  }

  private Set<Integer> denseLayers(int layers) {
    Set<Integer> dense = new TreeSet<>();
    switch (rules.layers()) {
      case ALL -> {}
      case SPARSE_STEP -> {
        int step = fields.optionalInteger("decoder_sparse_step", 1, Integer.MAX_VALUE).orElse(1);
        dense.addAll(fields.integers("mlp_only_layers", 0, layers - 1));
        for (int i = 0; i < layers; i++) {
          if ((i + 1) % step != 0) {
            dense.add(i);
          }
        }
      }
      case DENSE_FIRST -> dense.addAll(first(fields.integer("first_k_dense_replace", 0, layers)));
      case DENSE_COUNTED ->
          dense.addAll(first(fields.optionalInteger("num_dense_layers", 0, layers).orElse(2)));
      case TYPED -> dense.addAll(typed(layers));
      case PERIODIC -> dense.addAll(without(layers, periodic(layers)));
      case FROM_TO -> dense.addAll(without(layers, interval(layers)));
      case LISTED -> dense.addAll(without(layers, listed(layers)));
      case SINGLE_BLOCKS -> dense.addAll(singleBlocks(Kind.DENSE));
      case FIRST_OF_TWO ->
          dense.addAll(IntStream.range(0, layers).filter(i -> i % 2 == 1).boxed().toList());
    }
    return dense;
  }

  private static List<Integer> first(int count) {
    return IntStream.range(0, count).boxed().toList();
  }

  private static List<Integer> without(int layers, Set<Integer> withExperts) {
    return IntStream.range(0, layers).filter(i -> !withExperts.contains(i)).boxed().toList();
  }

  private List<Integer> typed(int layers) {
    int dense = fields.optionalInteger("first_k_dense_replace", 0, layers).orElse(1);
    List<String> types = fields.layerKinds("mlp_layer_types", layers, "dense", "sparse");
    return types.isEmpty()
        ? first(dense)
        : IntStream.range(0, layers).filter(i -> types.get(i).equals("dense")).boxed().toList();
  }

  private Set<Integer> periodic(int layers) {
    int period = fields.optionalInteger("expert_layer_period", 1, Integer.MAX_VALUE).orElse(2);
    int offset = fields.optionalInteger("expert_layer_offset", 0, period - 1).orElse(1);
    return IntStream.range(0, layers)
        .filter(i -> i % period == offset)
        .boxed()
        .collect(Collectors.toSet());
  }

  private Set<Integer> interval(int layers) {
    int every = fields.optionalInteger("moe_layer_interval", 1, Integer.MAX_VALUE).orElse(1);
    int from = fields.optionalInteger("moe_layer_start_index", 0, Integer.MAX_VALUE).orElse(1);
    int stated = fields.optionalInteger("moe_layer_end_index", -1, Integer.MAX_VALUE).orElse(-1);
    int to = stated < 0 ? layers - 1 : Math.min(stated, layers - 1);
    return IntStream.rangeClosed(from, to)
        .filter(i -> (i + 1) % every == 0)
        .boxed()
        .collect(Collectors.toSet());
  }

  private Set<Integer> listed(int layers) {
    int step = fields.optionalInteger("interleave_moe_layer_step", 1, layers).orElse(1);
    List<Integer> stated = fields.integers("moe_layers", 0, layers - 1);
    if (fields.has("moe_layers")) {
      return Set.copyOf(stated);
    }
    return IntStream.range(0, layers)
        .filter(i -> (i + 1) % step == 0)
        .boxed()
        .collect(Collectors.toSet());
  }

  private MixtureOfExperts experts(BlockBody others) {
    GateSpec gate = gate();
    int size = fields.sameInteger(rules.fields().size(), 1, MAX_INTERMEDIATE);
    BlockBody body = rules.body().read(fields);
    boolean late = rules.layers() == Layers.FIRST_OF_TWO;
    return new MixtureOfExperts(gate, size, body, shared(size, others), narrow(others), late);
  }

  private Optional<NarrowTokens> narrow(BlockBody others) {
    OptionalInt width =
        rules.narrow().isEmpty()
            ? OptionalInt.empty()
            : fields.optionalInteger(rules.narrow(), 1, MAX_INTERMEDIATE);
    return width.isEmpty()
        ? Optional.empty()
        : Optional.of(new NarrowTokens(width.getAsInt(), others.biases()));
  }

  private GateSpec gate() {
    int count = expertCount();
    int identities =
        rules.identities().isEmpty()
            ? 0
            : fields.optionalInteger(rules.identities(), 0, MAX_EXPERTS).orElse(0);
    int choices = count + identities;
    int topK = fields.sameInteger(rules.fields().topK(), 1, MAX_EXPERTS);
    if (topK > choices) {
      throw fields.wrong(
          rules.fields().topK(), "at most the number of experts, which is " + choices);
    }
    GateRules gate = rules.gate();
    return new GateSpec(
        count,
        identities,
        topK,
        gate.bias(),
        score(),
        new GateSelection(gate.correctionBias(), groups(choices, topK)),
        weighting());
  }

  /** The reference's releases write either name for some families. */
  private int expertCount() {
    String field = rules.fields().count();
    OptionalInt local =
        field.equals("num_experts")
            ? fields.optionalInteger("num_local_experts", 1, MAX_EXPERTS)
            : OptionalInt.empty();
    if (local.isEmpty()) {
      return fields.sameInteger(field, 1, MAX_EXPERTS);
    }
    int count = fields.optionalInteger(field, 1, MAX_EXPERTS).orElse(local.getAsInt());
    if (count != local.getAsInt()) {
      throw fields.wrong(field, "the same as num_local_experts, which is " + local.getAsInt());
    }
    return count;
  }

  private GateScore score() {
    return switch (rules.gate().score()) {
      case SOFTMAX_OF_ALL -> new GateScore.SoftmaxOfAll();
      case SOFTMAX_OF_CHOSEN -> new GateScore.SoftmaxOfChosen();
      case SIGMOID -> new GateScore.Sigmoid();
      case SPARSE_MIXER -> new GateScore.SparseMixer((float) (2 * jitter()));
    };
  }

  private double jitter() {
    double jitter = fields.optionalNumber("router_jitter_noise").orElse(0.01);
    if (!(jitter >= 0) || jitter > 1) {
      throw fields.wrong("router_jitter_noise", "a number from 0 to 1");
    }
    return jitter;
  }

  private Optional<ExpertGroups> groups(int experts, int topK) {
    return switch (rules.gate().groups()) {
      case NONE -> Optional.empty();
      case TOP_TWO -> groups(experts, topK, GroupScore.SUM_OF_TOP_TWO);
      case IF_METHOD_SAYS -> {
        String method = fields.optionalText("topk_method").orElse("greedy");
        fields.ignore(Set.of("n_group", "topk_group"));
        yield switch (method) {
          case "greedy" -> Optional.empty();
          case "group_limited_greedy" -> groups(experts, topK, GroupScore.MAX);
          default -> throw fields.wrong("topk_method", "\"greedy\" or \"group_limited_greedy\"");
        };
      }
    };
  }

  private Optional<ExpertGroups> groups(int experts, int topK, GroupScore score) {
    int count = fields.optionalInteger("n_group", 1, MAX_EXPERTS).orElse(1);
    int kept = fields.optionalInteger("topk_group", 1, MAX_EXPERTS).orElse(1);
    int least = score == GroupScore.SUM_OF_TOP_TWO ? 2 : 1;
    if (count == 1 && kept == 1) {
      return Optional.empty();
    }
    if (experts % count != 0 || experts / count < least) {
      throw fields.wrong(
          "n_group", "a divisor of the %d experts, with %d in a group".formatted(experts, least));
    }
    if (kept > count || experts / count * kept < topK) {
      throw fields.wrong(
          "topk_group", "enough of the %d groups for %d experts per token".formatted(count, topK));
    }
    return kept == count ? Optional.empty() : Optional.of(new ExpertGroups(count, kept, score));
  }

  private GateWeighting weighting() {
    GateRules gate = rules.gate();
    boolean normalised =
        switch (gate.normalisation()) {
          case NEVER -> false;
          case ALWAYS -> true;
          case IF_ENABLED -> fields.flag("norm_topk_prob", false);
          case UNLESS_DISABLED -> fields.flag("norm_topk_prob", true);
          case UNLESS_NULL -> !fields.isNull(GateRules.NORM_FIELD) && bySum();
        };
    GateRenormalisation renormalisation =
        normalised
            ? new GateRenormalisation.BySum(gate.epsilon(), floor())
            : new GateRenormalisation.None();
    return switch (gate.weight()) {
      case OUTPUT -> new GateWeighting(renormalisation, 1);
      case SCALED_OUTPUT -> new GateWeighting(renormalisation, scalingFactor());
      case INPUT -> new GateWeighting(renormalisation, 1, true);
    };
  }

  /** The sum is the norm with exponent 1. */
  private boolean bySum() {
    if (fields.optionalNumber(GateRules.NORM_FIELD).orElse(1) != 1) {
      throw fields.wrong(GateRules.NORM_FIELD, "1, or null");
    }
    return true;
  }

  private float floor() {
    String field = rules.gate().floorField();
    double floor = field.isEmpty() ? 0 : fields.optionalNumber(field).orElse(1e-12);
    if (!(floor >= 0) || floor > 1) {
      throw fields.wrong(field, "a number from 0 to 1");
    }
    return (float) floor;
  }

  private float scalingFactor() {
    GateRules.Scaling scaling = rules.gate().scaling();
    double factor = fields.optionalNumber(scaling.field()).orElse(scaling.absent());
    if (!(factor > 0) || factor > 1e6) {
      throw fields.wrong(scaling.field(), "a number above 0, up to 1e6");
    }
    return (float) factor;
  }

  private SharedExperts shared(int expertSize, BlockBody body) {
    return switch (rules.shared()) {
      case Shared.None() -> new NoSharedExperts();
      case Shared.Sized(String field, boolean gated) -> {
        int least = gated ? 1 : 0;
        int size = fields.optionalInteger(field, least, MAX_INTERMEDIATE).orElse(0);
        if (gated && size == 0) {
          throw fields.wrong(field, "the width of the shared expert");
        }
        yield size == 0 ? new NoSharedExperts() : new SharedExpert(size, gated, body);
      }
      case Shared.Counted(String field) -> {
        int count = fields.optionalInteger(field, 0, MAX_SHARED).orElse(0);
        long size = (long) count * expertSize;
        if (size > MAX_INTERMEDIATE) {
          throw fields.wrong(field, "at most %d values in all".formatted(MAX_INTERMEDIATE));
        }
        yield count == 0 ? new NoSharedExperts() : new SharedExpert((int) size, false, body);
      }
      case Shared.One() -> new SharedExpert(expertSize, false, body);
    };
  }
}
