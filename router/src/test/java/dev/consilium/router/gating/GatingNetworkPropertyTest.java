package dev.consilium.router.gating;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.family.ExpertGroups;
import dev.consilium.model.family.ExpertGroups.GroupScore;
import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSelection;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.GateWeighting;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The gate equals its definition, written down in double precision with full sorts, for every axis
 * with every other one.
 */
class GatingNetworkPropertyTest {
  private static final int CASES = 1000;

  /** A float32 softmax over at most 96 terms; double precision on the other side. */
  private static final double TOLERANCE = 5e-6;

  /**
   * Ranks nearer than this, relative to the largest number that they are made of, may change places
   * in float32.
   */
  private static final double UNDECIDED = 5e-6;

  private static final Comparator<Integer> LOWER_INDEX = Comparator.naturalOrder();

  enum Kind {
    SOFTMAX_OF_ALL,
    SOFTMAX_OF_CHOSEN,
    SIGMOID,
    SPARSE_MIXER
  }

  @ParameterizedTest
  @EnumSource
  void choose_anyLogits_equalsDefinition(Kind kind) {
    SplittableRandom random = Seeds.random();
    int tokens = 0;
    int compared = 0;
    try (CpuDevice device = new CpuDevice(2)) {
      for (int i = 0; i < CASES; i++) {
        Case sample = Case.random(random, kind);
        ExpertChoices choices =
            new GatingNetwork(sample.spec, sample.correction.map(F32Vector::of))
                .choose(device, matrix(sample.logits), sample.logits.length);
        for (int token = 0; token < sample.logits.length; token++) {
          tokens++;
          if (decided(sample, sample.logits[token])) {
            compare(sample, sample.logits[token], choices, token);
            compared++;
          }
        }
      }
    }
    assertThat(compared).isGreaterThan(tokens * 9 / 10);
  }

  private static void compare(Case sample, float[] logits, ExpertChoices choices, int token) {
    GateSpec spec = sample.spec;
    List<Integer> best = best(sample, logits);
    assertThat(choices.ofToken(0, token).experts())
        .as("%s of %s, correction %s", spec, Arrays.toString(logits), sample.correction)
        .isEqualTo(best);
    double[] weights = weights(spec, logits, best);
    double sum = Arrays.stream(weights).sum();
    double divisor =
        switch (spec.weighting().renormalisation()) {
          case GateRenormalisation.None() -> 1;
          case GateRenormalisation.BySum by -> Math.max(sum + by.epsilon(), by.floor());
        };
    for (int rank = 0; rank < weights.length; rank++) {
      double wanted = weights[rank] / divisor * spec.weighting().scalingFactor();
      assertThat((double) choices.weight(token, rank))
          .as("%s of %s, rank %d", spec, Arrays.toString(logits), rank)
          .isCloseTo(wanted, within(TOLERANCE * Math.max(1, Math.abs(wanted))));
    }
  }

  private static List<Integer> best(Case sample, float[] logits) {
    GateSpec spec = sample.spec;
    double[] ranks = ranks(sample, logits);
    Set<Integer> allowed = new HashSet<>(sorted(ranks));
    spec.selection().groups().ifPresent(groups -> keepBestGroups(allowed, ranks, groups));
    return sorted(ranks).stream().filter(allowed::contains).limit(spec.topK()).toList();
  }

  /** What experts are chosen by, each exact to the last bits of a double. */
  private static double[] ranks(Case sample, float[] logits) {
    boolean byScore = sample.byScore();
    double[] ranks = new double[logits.length];
    for (int i = 0; i < ranks.length; i++) {
      double score = byScore ? score(sample.spec.score(), logits, i) : logits[i];
      ranks[i] = sample.correction.isPresent() ? score + sample.correction.get()[i] : score;
    }
    return ranks;
  }

  /**
   * Whether the definition alone orders experts and groups: all of them are either equal or farther
   * apart than rounding moves them.
   */
  private static boolean decided(Case sample, float[] logits) {
    if (!sample.byScore()) {
      return true;
    }
    double[] ranks = ranks(sample, logits);
    double[] bestOfGroups = new double[0];
    double[] ofGroups = new double[0];
    if (sample.spec.selection().groups().isPresent()) {
      ExpertGroups groups = sample.spec.selection().groups().get();
      bestOfGroups = ranksOfGroups(ranks, new ExpertGroups(groups.count(), 1, GroupScore.MAX));
      ofGroups = ranksOfGroups(ranks, groups);
    }
    // A sum may be smaller than what it is made of: scores are 1 at most.
    double least =
        sample.correction.isPresent()
            ? Math.max(1, Arrays.stream(ranks).map(Math::abs).max().orElseThrow())
            : 0;
    return apart(ranks, ranks, least) && apart(ofGroups, bestOfGroups, least);
  }

  /** Two ranks of different parts that are equal are not apart: their sums are rounded apart. */
  private static boolean apart(double[] ranks, double[] parts, double least) {
    for (int i = 0; i < ranks.length; i++) {
      for (int j = 0; j < i; j++) {
        double largest = Math.max(least, Math.max(Math.abs(ranks[i]), Math.abs(ranks[j])));
        boolean near = Math.abs(ranks[i] - ranks[j]) < UNDECIDED * largest;
        if (near && !(ranks[i] == ranks[j] && parts[i] == parts[j])) {
          return false;
        }
      }
    }
    return true;
  }

  private static void keepBestGroups(Set<Integer> allowed, double[] ranks, ExpertGroups groups) {
    List<Integer> kept = sorted(ranksOfGroups(ranks, groups)).subList(0, groups.kept());
    int size = ranks.length / groups.count();
    allowed.removeIf(expert -> !kept.contains(expert / size));
  }

  private static double[] ranksOfGroups(double[] ranks, ExpertGroups groups) {
    int size = ranks.length / groups.count();
    double[] ofGroups = new double[groups.count()];
    for (int group = 0; group < groups.count(); group++) {
      double[] own = Arrays.copyOfRange(ranks, group * size, (group + 1) * size);
      Arrays.sort(own);
      ofGroups[group] =
          groups.score() == GroupScore.MAX ? own[size - 1] : own[size - 1] + own[size - 2];
    }
    return ofGroups;
  }

  private static List<Integer> sorted(double[] ranks) {
    return IntStream.range(0, ranks.length)
        .boxed()
        .sorted(Comparator.<Integer>comparingDouble(i -> -ranks[i]).thenComparing(LOWER_INDEX))
        .toList();
  }

  private static double[] weights(GateSpec spec, float[] logits, List<Integer> best) {
    double[] weights = new double[best.size()];
    for (int rank = 0; rank < weights.length; rank++) {
      int expert = best.get(rank);
      weights[rank] =
          switch (spec.score()) {
            case GateScore.SoftmaxOfAll(), GateScore.Sigmoid() ->
                score(spec.score(), logits, expert);
            case GateScore.SoftmaxOfChosen() -> share(logits, expert, best);
            case GateScore.SparseMixer mixer -> {
              List<Integer> near = near(logits, best.subList(0, rank), expert, mixer.tolerance());
              yield share(logits, expert, near);
            }
          };
    }
    return weights;
  }

  private static double score(GateScore score, float[] logits, int expert) {
    return score instanceof GateScore.Sigmoid
        ? 1 / (1 + Math.exp(-logits[expert]))
        : share(logits, expert, IntStream.range(0, logits.length).boxed().toList());
  }

  private static double share(float[] logits, int expert, List<Integer> among) {
    double sum = 0;
    for (int other : among) {
      sum += Math.exp((double) logits[other] - logits[expert]);
    }
    return 1 / sum;
  }

  private static List<Integer> near(
      float[] logits, List<Integer> taken, int largest, float tolerance) {
    List<Integer> near = new ArrayList<>();
    float max = logits[largest];
    for (int i = 0; i < logits.length; i++) {
      float span = Math.max(Math.abs(logits[i]), max);
      if (!taken.contains(i) && !((max - logits[i]) / span > tolerance)) {
        near.add(i);
      }
    }
    return near;
  }

  /** A specification with logits for some tokens. */
  @SuppressWarnings("ArrayRecordComponent") // compared by nobody
  private record Case(GateSpec spec, Optional<float[]> correction, float[][] logits) {

    /** Whether experts are chosen by score; else by logit, which nothing rounds. */
    boolean byScore() {
      return correction.isPresent() || spec.selection().groups().isPresent();
    }

    static Case random(SplittableRandom random, Kind kind) {
      boolean scored = kind == Kind.SOFTMAX_OF_ALL || kind == Kind.SIGMOID;
      int size = 2 + random.nextInt(6);
      int groups = scored ? 1 + random.nextInt(6) : 1;
      int experts = size * groups;
      int kept = 1 + random.nextInt(groups);
      GateSelection selection =
          new GateSelection(
              scored && random.nextBoolean(),
              groups == 1
                  ? Optional.empty()
                  : Optional.of(new ExpertGroups(groups, kept, one(random, GroupScore.values()))));
      int identities = random.nextInt(experts);
      GateSpec spec =
          new GateSpec(
              experts - identities,
              identities,
              1 + random.nextInt(groups == 1 ? experts : kept * size),
              false,
              score(random, kind),
              selection,
              weighting(random));
      float[][] logits = logits(random, 1 + random.nextInt(4), experts);
      return new Case(
          spec,
          selection.correctionBias()
              ? Optional.of(logits(random, 1, experts)[0])
              : Optional.empty(),
          logits);
    }

    private static GateScore score(SplittableRandom random, Kind kind) {
      return switch (kind) {
        case SOFTMAX_OF_ALL -> new GateScore.SoftmaxOfAll();
        case SOFTMAX_OF_CHOSEN -> new GateScore.SoftmaxOfChosen();
        case SIGMOID -> new GateScore.Sigmoid();
        case SPARSE_MIXER -> new GateScore.SparseMixer(0.02f + random.nextInt(2));
      };
    }

    private static GateWeighting weighting(SplittableRandom random) {
      GateRenormalisation renormalisation =
          one(
              random,
              new GateRenormalisation.None(),
              new GateRenormalisation.BySum(),
              new GateRenormalisation.BySum(1e-20f, 0),
              new GateRenormalisation.BySum(0.1f, 0),
              new GateRenormalisation.BySum(0, 0.5f));
      return new GateWeighting(
          renormalisation, random.nextBoolean() ? 1 : 0.5f + random.nextInt(5));
    }

    @SafeVarargs
    @SuppressWarnings("varargs") // read only
    private static <T> T one(SplittableRandom random, T... of) {
      return of[random.nextInt(of.length)];
    }

    /** Half of the cases on a coarse grid, so that equal logits are common. */
    private static float[][] logits(SplittableRandom random, int tokens, int experts) {
      boolean coarse = random.nextBoolean();
      float[][] logits = new float[tokens][experts];
      for (float[] row : logits) {
        for (int expert = 0; expert < experts; expert++) {
          row[expert] = coarse ? random.nextInt(-2, 4) * 0.5f : (float) random.nextGaussian() * 4;
        }
      }
      return logits;
    }
  }

  private static F32Matrix matrix(float[][] rows) {
    F32Matrix matrix = F32Matrix.allocate(rows.length, rows[0].length);
    for (int row = 0; row < rows.length; row++) {
      matrix.writeRow(row, rows[row]);
    }
    return matrix;
  }
}
