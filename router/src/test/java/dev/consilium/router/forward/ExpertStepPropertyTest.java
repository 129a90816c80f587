package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.GateRenormalisation;
import dev.consilium.model.family.GateScore;
import dev.consilium.model.family.GateSelection;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.GateWeighting;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NarrowTokens;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.NoSharedExperts;
import dev.consilium.router.dispatch.ExpertDispatcher;
import dev.consilium.router.dispatch.ExpertOutputs;
import dev.consilium.router.dispatch.LayerDispatch;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.kvcache.CacheLayout;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.LayerCache;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.testkit.Fixtures;
import dev.consilium.testkit.Seeds;
import io.opentelemetry.context.Context;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * A layer of experts over random shapes and weights, on narrow tokens, beside identities, or late:
 * equals its formula in double. Its experts are as simple as can be: number e multiplies what it
 * sees by e + 1.
 */
class ExpertStepPropertyTest {
  private static final int CASES = 30;

  private final SplittableRandom random = Seeds.random();
  private final ModelSpec like = anySpec();

  @Test
  void run_anyShape_equalsFormulaInDouble() {
    for (int i = 0; i < CASES; i++) {
      Layer layer = new Layer(experts());
      float[][] tokens = new float[1 + random.nextInt(20)][];
      for (int t = 0; t < tokens.length; t++) {
        tokens[t] = floats(like.hiddenSize(), 1);
      }
      float[][] actual = layer.run(tokens);
      for (int t = 0; t < tokens.length; t++) {
        double[] expected = layer.inDouble(tokens[t]);
        for (int j = 0; j < expected.length; j++) {
          assertThat((double) actual[t][j])
              .as("%s token %d element %d", layer.spec, t, j)
              .isCloseTo(expected[j], within(1e-4 * Math.max(1, Math.abs(expected[j]))));
        }
      }
    }
  }

  private MixtureOfExperts experts() {
    int count = 2 + random.nextInt(8);
    boolean narrow = random.nextBoolean();
    int identities = narrow ? 0 : random.nextInt(5);
    GateSpec gate =
        new GateSpec(
            count,
            identities,
            1 + random.nextInt(count + identities),
            false,
            new GateScore.SoftmaxOfAll(),
            GateSelection.LARGEST,
            new GateWeighting(new GateRenormalisation.None(), 1));
    return new MixtureOfExperts(
        gate,
        1,
        BlockBody.SWIGLU,
        new NoSharedExperts(),
        narrow
            ? Optional.of(new NarrowTokens(1 + random.nextInt(40), random.nextBoolean()))
            : Optional.empty(),
        !narrow && random.nextBoolean());
  }

  private float[] floats(int count, double scale) {
    return RecurrentSequences.floats(random, count, scale);
  }

  private static ModelSpec anySpec() {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("mixtral"))) {
      return checkpoint.spec();
    }
  }

  /** A layer with random weights. */
  private final class Layer {
    final MixtureOfExperts spec;
    final int hidden = like.hiddenSize();
    final int width;
    final float[] gate;
    final float[] down;
    final float[] downBias;
    final float[] up;
    final float[] upBias;

    Layer(MixtureOfExperts spec) {
      this.spec = spec;
      width = spec.expertWidth(hidden);
      double biased = spec.narrow().filter(NarrowTokens::biases).isPresent() ? 0.5 : 0;
      gate = floats(spec.gate().choices() * hidden, 1);
      down = floats(width * hidden, 0.3);
      downBias = floats(width, biased);
      up = floats(hidden * width, 0.3);
      upBias = floats(hidden, biased);
    }

    float[][] run(float[][] tokens) {
      LayerSpec dense = new LayerSpec(1, new NoMixing(), new DenseFeedForward(1));
      ModelSpec model = like.withLayers(List.of(new LayerSpec(0, new NoMixing(), spec), dense));
      Workspace work = new Workspace(model, tokens.length);
      for (int t = 0; t < tokens.length; t++) {
        work.normed.writeRow(t, tokens[t]);
      }
      try (CpuDevice device = new CpuDevice(1 + random.nextInt(3), Kernels.best());
          KvPool pool = new KvPool(new CacheLayout(List.of(LayerCache.NOTHING)), 4, 1, 64);
          LoadedWeights loaded = new LoadedWeights()) {
        ExpertLayerWeights weights = weights(loaded);
        PassState state = state(pool, tokens.length);
        RoundTo exact = RoundTo.F32;
        ExpertStep step = new ExpertStep(0, weights, this::begin, exact, new Utilisation());
        step.run(device, state, work);
        if (spec.late()) {
          work.normed.segment().fill((byte) 0x7f); // another block's by then: NaN
          step.join(device, state, work);
        }
      }
      float[][] results = new float[tokens.length][hidden];
      for (int t = 0; t < tokens.length; t++) {
        work.delta.readRow(t, results[t]);
      }
      return results;
    }

    private static PassState state(KvPool pool, int tokens) {
      BatchSlice slice =
          new BatchSlice(
              new SequenceCache(pool),
              new int[0],
              0,
              tokens,
              tokens,
              BatchSlice.Logits.NONE,
              false,
              Context.root());
      return new PassState(new BatchRows(List.of(slice)), ForwardObserver.NONE);
    }

    private ExpertLayerWeights weights(LoadedWeights loaded) {
      return new ExpertLayerWeights(
          spec,
          new GateWeights(
              RecurrentSequences.packed(loaded, gate, hidden), Optional.empty(), Optional.empty()),
          new SharedWeights.None(),
          spec.narrow()
              .map(narrow ->
                  new NarrowWeights(
                      RecurrentSequences.packed(loaded, down, hidden),
                      bias(narrow, downBias),
                      RecurrentSequences.packed(loaded, up, width),
                      bias(narrow, upBias))));
    }

    private static Optional<F32Vector> bias(NarrowTokens narrow, float[] values) {
      return narrow.biases() ? Optional.of(F32Vector.of(values)) : Optional.empty();
    }

    private ExpertDispatcher.Pending begin(LayerDispatch dispatch) {
      return () -> {
        assertThat(dispatch.hidden().columns()).isEqualTo(width);
        ExpertOutputs outputs = new ExpertOutputs(dispatch.work().size());
        for (int i = 0; i < dispatch.work().size(); i++) {
          outputs.computed(i, "here", compute(dispatch.hidden(), dispatch.work().get(i)), 0);
        }
        return outputs;
      };
    }

    private F32Matrix compute(F32Matrix seen, ExpertTokens work) {
      F32Matrix rows = F32Matrix.allocate(work.count(), width);
      for (int place = 0; place < work.count(); place++) {
        for (int j = 0; j < width; j++) {
          float factor = work.weight(place) * (work.expert() + 1);
          rows.set(place, j, factor * seen.get(work.token(place), j));
        }
      }
      return rows;
    }

    double[] inDouble(float[] token) {
      double[] x = Plain.doubles(token);
      double[] scores = softmax(Plain.product(gate, x));
      double[] seen = spec.narrow().isPresent() ? Plain.plus(Plain.product(down, x), downBias) : x;
      double factor =
          IntStream.range(0, scores.length)
              .boxed()
              .sorted(Comparator.comparingDouble(e -> -scores[e]))
              .limit(spec.gate().topK())
              .mapToDouble(e -> scores[e] * (e < spec.gate().expertCount() ? e + 1 : 1))
              .sum();
      double[] sum = Plain.times(seen, factor);
      return spec.narrow().isPresent() ? Plain.plus(Plain.product(up, sum), upBias) : sum;
    }

    private static double[] softmax(double[] logits) {
      double[] e =
          IntStream.range(0, logits.length).mapToDouble(i -> Math.exp(logits[i])).toArray();
      return Plain.times(e, 1 / IntStream.range(0, e.length).mapToDouble(i -> e[i]).sum());
    }
  }
}
