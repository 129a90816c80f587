package dev.consilium.router.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.router.sampling.SamplingParameters.Penalties;
import dev.consilium.testkit.Seeds;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * The quick choice of candidates equals its definition by a full sort; draws follow probabilities.
 */
class SamplerPropertyTest {
  private static final int CASES = 400;

  @Test
  void candidates_anyDistribution_equalFullSort() {
    SplittableRandom random = Seeds.random();
    for (int i = 0; i < CASES; i++) {
      float[] weights = weights(random);
      SamplingParameters parameters = parameters(random, weights.length);
      Candidates candidates = Candidates.of(weights.clone(), parameters);
      List<Integer> wanted = byFullSort(weights, parameters);
      for (int draw = 0; draw < 20; draw++) {
        double fraction = random.nextDouble();
        assertThat(candidates.at(fraction))
            .as("%s over %d tokens at %s", parameters, weights.length, fraction)
            .isEqualTo(at(weights, wanted, fraction));
      }
      assertThat(candidates.at(0)).isEqualTo(at(weights, wanted, 0));
      assertThat(candidates.at(Math.nextDown(1.0)))
          .as("the last of %s over %d tokens", parameters, weights.length)
          .isEqualTo(at(weights, wanted, Math.nextDown(1.0)));
    }
  }

  private static List<Integer> byFullSort(float[] weights, SamplingParameters parameters) {
    List<Integer> ids = new ArrayList<>();
    for (int id = 0; id < weights.length; id++) {
      ids.add(id);
    }
    boolean ranked = parameters.topK() > 0 || parameters.topP() < 1;
    if (ranked) {
      ids.sort(
          Comparator.<Integer>comparingDouble(id -> -weights[id])
              .thenComparing(Comparator.naturalOrder()));
    }
    double mass = 0;
    if (parameters.topK() > 0) {
      ids = ids.subList(0, Math.min(parameters.topK(), ids.size()));
      mass = ids.stream().mapToDouble(id -> weights[id]).sum();
    } else {
      for (float weight : weights) {
        mass += weight;
      }
    }
    List<Integer> kept = new ArrayList<>();
    double sum = 0;
    for (int id : ids) {
      if (ranked && !kept.isEmpty() && sum >= parameters.topP() * mass) {
        break;
      }
      sum += weights[id];
      kept.add(id);
    }
    kept.removeIf(id -> weights[id] < parameters.minP());
    return kept;
  }

  private static int at(float[] weights, List<Integer> ids, double fraction) {
    double total = 0;
    for (int id : ids) {
      total += weights[id];
    }
    double sum = 0;
    int last = ids.getFirst();
    for (int id : ids) {
      sum += weights[id];
      if (fraction * total < sum) {
        return id;
      }
      last = weights[id] > 0 ? id : last;
    }
    return last;
  }

  /** Peaked, flat, with ties and zeros, below and above the 512 that are looked at first. */
  private static float[] weights(SplittableRandom random) {
    float[] weights = new float[random.nextBoolean() ? 1 + random.nextInt(40) : 2000];
    int kind = random.nextInt(4);
    for (int i = 0; i < weights.length; i++) {
      weights[i] =
          switch (kind) {
            case 0 -> 1; // flat: top-p of half the mass needs a full sort
            case 1 -> (float) Math.exp(-20 * random.nextDouble());
            case 2 -> random.nextInt(4) / 4f; // ties and zeros
            default -> 0.5f + random.nextFloat() / 2;
          };
    }
    weights[random.nextInt(weights.length)] = 1;
    return weights;
  }

  private static SamplingParameters parameters(SplittableRandom random, int vocabulary) {
    int topK =
        switch (random.nextInt(3)) {
          case 0 -> 0;
          case 1 -> 1 + random.nextInt(2 * vocabulary);
          default -> 1 + random.nextInt(5);
        };
    float topP = random.nextInt(3) == 0 ? 1 : 1 - random.nextFloat();
    float minP = random.nextBoolean() ? 0 : random.nextFloat();
    return new SamplingParameters(1, topK, topP, minP, Penalties.NONE, Map.of(), 0);
  }

  @Test
  void uniform_overIndices_fillsBinsEvenly() {
    int[] bins = new int[64];
    for (int index = 0; index < 64_000; index++) {
      bins[(int) (64 * Sampler.uniform(1234, index))]++;
    }
    checkChiSquare(bins);
  }

  @Test
  void uniform_overConsecutiveSeeds_fillsBinsEvenly() {
    int[] bins = new int[64];
    for (int seed = 0; seed < 64_000; seed++) {
      bins[(int) (64 * Sampler.uniform(seed, 0))]++;
    }
    checkChiSquare(bins);
  }

  @Test
  void uniform_oneSeedThenTheNext_pairsFillBinsEvenly() {
    // A user who asks again with seed + 1 must not get a shifted copy of the first answer.
    int[] bins = new int[64];
    for (int i = 0; i < 64_000; i++) {
      int first = (int) (8 * Sampler.uniform(i, 1));
      int second = (int) (8 * Sampler.uniform(i + 1L, 0));
      bins[8 * first + second]++;
    }
    checkChiSquare(bins);
  }

  /**
   * The statistic has mean 63 and standard deviation 11.2; the seeds are fixed, so this passes
   * always or never.
   */
  private static void checkChiSquare(int[] bins) {
    double statistic = 0;
    for (int count : bins) {
      statistic += Math.pow(count - 1000, 2) / 1000;
    }
    assertThat(statistic).isBetween(63 - 4 * 11.2, 63 + 4 * 11.2);
  }

  @Test
  void sample_knownProbabilities_frequenciesFollow() {
    float[] logits = {0, (float) Math.log(2), (float) Math.log(4), (float) Math.log(1)};
    int[] counts = new int[4];
    int draws = 40_000;
    for (int seed = 0; seed < draws; seed++) {
      SamplingParameters parameters =
          new SamplingParameters(1, 0, 1, 0, Penalties.NONE, Map.of(), seed);
      counts[Sampler.sample(logits.clone(), parameters, new TokenHistory(new int[0]), 3)]++;
    }
    double[] wanted = {0.125, 0.25, 0.5, 0.125};
    for (int token = 0; token < 4; token++) {
      double deviation = Math.sqrt(draws * wanted[token] * (1 - wanted[token]));
      assertThat(Math.abs(counts[token] - draws * wanted[token])).isLessThan(4 * deviation);
    }
  }
}
