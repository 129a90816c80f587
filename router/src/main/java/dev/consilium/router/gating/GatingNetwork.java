package dev.consilium.router.gating;

import dev.consilium.model.family.ExpertGroups;
import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSpec;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.Exp;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import java.util.Arrays;
import java.util.Optional;

/**
 * Chooses the experts that process each token, and the weight of each, from the gate's logits.
 *
 * <ol>
 *   <li>Score every expert: softmax over all, or the logistic function of each logit. Where scores
 *       are made of the chosen logits only, the logits stand for them until then.
 *   <li>Rank: by logit, or by score plus correction bias where the model has one. In groups, the
 *       best groups keep their experts and the others lose them.
 *   <li>Keep the {@code topK} first. Equal ranks favour the lower expert index, and the lower
 *       group, so that every run and every router picks the same experts.
 *   <li>Weigh: the scores of the kept, without correction bias.
 *   <li>Renormalise the weights, if the model does so, and multiply them by its scaling factor.
 * </ol>
 *
 * <p>All in f32, in ascending order of experts or of rank.
 *
 * @see <a href="https://arxiv.org/abs/2401.04088">Mixtral of Experts, section 2.1</a>
 * @see <a href="https://arxiv.org/abs/2412.19437">DeepSeek-V3, section 2.1.2</a>
 */
public final class GatingNetwork {
  private final GateSpec spec;
  private final Optional<F32Vector> correctionBias;

  /** A gate without correction bias. */
  public GatingNetwork(GateSpec spec) {
    this(spec, Optional.empty());
  }

  /**
   * @param correctionBias {@code [choices]}, finite; there if and only if the specification has one
   */
  public GatingNetwork(GateSpec spec, Optional<F32Vector> correctionBias) {
    if (spec.selection().correctionBias() != correctionBias.isPresent()) {
      throw new IllegalArgumentException(
          "a correction bias is %s, but %s"
              .formatted(correctionBias.isPresent() ? "there" : "missing", spec));
    }
    this.spec = spec;
    this.correctionBias = correctionBias;
  }

  /**
   * Chooses for tokens {@code 0 .. tokens-1}, on the threads of a device.
   *
   * @param logits raw gate scores {@code [>= tokens, >= choices]}, unitless; read, never changed
   * @param tokens rows of {@code logits} to use
   * @throws ArithmeticException if a logit is not finite, which means that the hidden state
   *     overflowed
   */
  public ExpertChoices choose(CpuDevice device, F32Matrix logits, int tokens) {
    ExpertChoices choices = new ExpertChoices(tokens, spec.topK(), spec.expertCount());
    device.parallel(
        tokens,
        token -> {
          float[] row = new float[logits.columns()];
          logits.readRow(token, row);
          choose(Arrays.copyOf(row, spec.choices()), token, choices);
        });
    return choices;
  }

  private void choose(float[] logits, int token, ExpertChoices choices) {
    checkFinite(logits, token);
    float[] scores = scores(logits);
    int[] best = largest(ranks(logits, scores), spec.topK());
    float[] weights = weights(scores, best);
    renormalise(weights);
    for (int rank = 0; rank < best.length; rank++) {
      choices.set(token, rank, best[rank], weights[rank] * spec.weighting().scalingFactor());
    }
  }

  private static void checkFinite(float[] logits, int token) {
    for (int expert = 0; expert < logits.length; expert++) {
      if (!Float.isFinite(logits[expert])) {
        throw new ArithmeticException(
            "gate logit of token "
                + token
                + " for expert "
                + expert
                + " is "
                + logits[expert]
                + ": the hidden state is out of range");
      }
    }
  }

  private float[] scores(float[] logits) {
    return switch (spec.score()) {
      case GateScore.SoftmaxOfAll() -> softmax(logits);
      case GateScore.Sigmoid() -> sigmoid(logits);
      case GateScore.SoftmaxOfChosen(), GateScore.SparseMixer _ -> logits;
    };
  }

  private static float[] softmax(float[] logits) {
    float max = Float.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    float[] scores = new float[logits.length];
    for (int i = 0; i < logits.length; i++) {
      scores[i] = Exp.exp(logits[i] - max);
    }
    divide(scores, sum(scores));
    return scores;
  }

  private static float[] sigmoid(float[] logits) {
    float[] scores = new float[logits.length];
    for (int i = 0; i < logits.length; i++) {
      scores[i] = 1 / (1 + Exp.exp(-logits[i]));
    }
    return scores;
  }

  /**
   * What experts are chosen by. The logits, where scores would give the same order: two scores may
   * round to the same number, or both to 0 or 1.
   */
  private float[] ranks(float[] logits, float[] scores) {
    if (correctionBias.isEmpty() && spec.selection().groups().isEmpty()) {
      return logits;
    }
    float[] ranks = scores.clone();
    correctionBias.ifPresent(bias -> {
      for (int expert = 0; expert < ranks.length; expert++) {
        ranks[expert] += bias.get(expert);
      }
    });
    spec.selection().groups().ifPresent(groups -> dropGroups(ranks, groups));
    return ranks;
  }

  /** Gives the experts of all but the best groups the lowest rank there is. */
  private static void dropGroups(float[] ranks, ExpertGroups groups) {
    int size = ranks.length / groups.count();
    float[] ofGroup = new float[groups.count()];
    for (int group = 0; group < ofGroup.length; group++) {
      ofGroup[group] = rankOfGroup(ranks, group * size, size, groups.score());
    }
    int[] kept = largest(ofGroup, groups.kept());
    Arrays.sort(kept);
    for (int group = 0; group < ofGroup.length; group++) {
      if (Arrays.binarySearch(kept, group) < 0) {
        Arrays.fill(ranks, group * size, (group + 1) * size, Float.NEGATIVE_INFINITY);
      }
    }
  }

  private static float rankOfGroup(
      float[] ranks, int from, int size, ExpertGroups.GroupScore score) {
    float first = Float.NEGATIVE_INFINITY;
    float second = Float.NEGATIVE_INFINITY;
    for (int expert = from; expert < from + size; expert++) {
      second = Math.max(second, Math.min(first, ranks[expert]));
      first = Math.max(first, ranks[expert]);
    }
    return switch (score) {
      case MAX -> first;
      case SUM_OF_TOP_TWO -> first + second;
    };
  }

  /** Indices of the {@code k} largest ranks, descending, the lower index first among equals. */
  private static int[] largest(float[] ranks, int k) {
    int[] best = new int[k];
    int kept = 0;
    for (int i = 0; i < ranks.length; i++) {
      if (kept == k && ranks[i] <= ranks[best[k - 1]]) {
        continue;
      }
      int at = kept < k ? kept++ : k - 1;
      while (at > 0 && ranks[best[at - 1]] < ranks[i]) {
        best[at] = best[at - 1];
        at--;
      }
      best[at] = i;
    }
    return best;
  }

  private float[] weights(float[] scores, int[] best) {
    return switch (spec.score()) {
      case GateScore.SoftmaxOfAll(), GateScore.Sigmoid() -> kept(scores, best);
      case GateScore.SoftmaxOfChosen() -> softmax(kept(scores, best));
      case GateScore.SparseMixer mixer -> sparseMixer(scores, best, mixer.tolerance());
    };
  }

  private static float[] kept(float[] scores, int[] best) {
    float[] kept = new float[best.length];
    for (int rank = 0; rank < best.length; rank++) {
      kept[rank] = scores[best[rank]];
    }
    return kept;
  }

  /** Each the share of the largest logit left among those near it, see {@link GateScore}. */
  private static float[] sparseMixer(float[] logits, int[] best, float tolerance) {
    float[] left = logits.clone();
    float[] weights = new float[best.length];
    for (int rank = 0; rank < best.length; rank++) {
      float max = left[best[rank]];
      float sum = 0;
      for (float logit : left) {
        boolean far = (max - logit) / Math.max(Math.abs(logit), max) > tolerance;
        sum += far ? 0 : Exp.exp(logit - max);
      }
      weights[rank] = 1 / sum;
      left[best[rank]] = Float.NEGATIVE_INFINITY;
    }
    return weights;
  }

  private void renormalise(float[] weights) {
    switch (spec.weighting().renormalisation()) {
      case GateRenormalisation.None() -> {}
      case GateRenormalisation.BySum bySum -> {
        float sum = Math.max(sum(weights) + bySum.epsilon(), bySum.floor());
        // Logistic functions may all be rounded to 0; then nobody is worth anything.
        divide(weights, sum > 0 ? sum : 1);
      }
    }
  }

  private static void divide(float[] values, float by) {
    for (int i = 0; i < values.length; i++) {
      values[i] /= by;
    }
  }

  private static float sum(float[] values) {
    float sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum;
  }
}
