package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.synthetic.SyntheticFamily;
import dev.consilium.model.synthetic.SyntheticModel;
import dev.consilium.model.synthetic.SyntheticShape;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.KvDType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Logits of quantised models against a computation of the model's formulas in double, on the values
 * that the blocks of its weights stand for, and on activations that are rounded to blocks as ours
 * are.
 *
 * <p>Rounding decides: an activation that lies between two steps to within the precision of f32 may
 * fall to either side, which moves logits by a thousandth. The tokens are therefore chosen so that
 * none of theirs does.
 */
class QuantisedLogitsReferenceTest {

  private static final int TOKENS = 2;
  private static final int MOST_TRIES = 200;

  /** In steps of an activation: what f32 may differ by from double, and as much again. */
  private static final double BETWEEN = 3e-5;

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource(
      value = Quantisation.class,
      names = {"F32", "F16", "BF16"},
      mode = EnumSource.Mode.EXCLUDE)
  void run_quantisedWeights_givesTheLogitsOfTheFormulas(Quantisation type) throws IOException {
    Path bf16 = directory.resolve("bf16.gguf");
    Path file = directory.resolve("quantised.gguf");
    new SyntheticModel(SyntheticFamily.QWEN3MOE, SyntheticShape.TINY, Quantisation.BF16, 1)
        .write(bf16, GgufWriter.Progress.NONE);
    try (Checkpoint source = Checkpoint.open(bf16)) {
      new GgufConversion(source, type).write(file);
    }
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      Reference reference = new Reference(checkpoint);
      int[] tokens = decided(reference);
      double[][] expected = reference.logits(tokens);
      float[][] actual =
          ForwardLogits.of(checkpoint, Kernels.best(), KvDType.F32, 2, tokens, TOKENS, 0);
      for (int i = 0; i < TOKENS; i++) {
        double largest = Arrays.stream(expected[i]).map(Math::abs).max().orElseThrow();
        double error = 0;
        for (int id = 0; id < expected[i].length; id++) {
          error = Math.max(error, Math.abs(actual[i][id] - expected[i][id]));
        }
        // Found: 3e-7. One activation on the other side of a step: 5e-4.
        assertThat(error / largest).as("token %d", i).isLessThan(1e-5);
      }
    }
  }

  /** The first tokens that decide every rounding. */
  private static int[] decided(Reference reference) {
    for (int seed = 0; seed < MOST_TRIES; seed++) {
      int[] tokens = new Random(seed).ints(TOKENS, 0, reference.vocabulary()).toArray();
      reference.logits(tokens);
      if (!reference.undecided) {
        return tokens;
      }
    }
    throw new AssertionError("some rounding is undecided for all tokens that were tried");
  }

  /** Qwen3-MoE as its authors' implementation computes it, on the tiny synthetic shape. */
  private static final class Reference {
    private static final int HEADS = 8;
    private static final int KV_HEADS = 4;
    private static final int HEAD_DIM = 64;
    private static final int LAYERS = 4;
    private static final int EXPERTS = 8;
    private static final int TOP_K = 2;
    private static final double THETA = 1e6;
    private static final double EPSILON = 1e-6;

    private final Checkpoint checkpoint;
    private final Map<String, float[]> weights = new HashMap<>();
    private boolean undecided;

    Reference(Checkpoint checkpoint) {
      this.checkpoint = checkpoint;
    }

    int vocabulary() {
      return checkpoint.spec().vocabularySize();
    }

    /** Of every token; {@link #undecided} says whether they hang on a rounding. */
    double[][] logits(int[] tokens) {
      undecided = false;
      double[][] hidden = new double[tokens.length][];
      int width = weight("output_norm.weight").length;
      for (int i = 0; i < tokens.length; i++) {
        int row = tokens[i] * width;
        hidden[i] = doubles(weight("token_embd.weight"), row, width);
      }
      for (int layer = 0; layer < LAYERS && !undecided; layer++) {
        String prefix = "blk." + layer + ".";
        attend(prefix, hidden);
        for (double[] one : hidden) {
          mix(prefix, one);
        }
      }
      double[][] logits = new double[tokens.length][];
      for (int i = 0; i < tokens.length && !undecided; i++) {
        double[] last = normed(hidden[i], weight("output_norm.weight"), 0, width);
        logits[i] = product("output.weight", rounded(last));
      }
      return logits;
    }

    private void attend(String prefix, double[][] hidden) {
      double[][] keys = new double[hidden.length][];
      double[][] values = new double[hidden.length][];
      for (int i = 0; i < hidden.length; i++) {
        double[] in =
            rounded(normed(hidden[i], weight(prefix + "attn_norm.weight"), 0, hidden[i].length));
        double[] query = product(prefix + "attn_q.weight", in);
        keys[i] = product(prefix + "attn_k.weight", in);
        values[i] = product(prefix + "attn_v.weight", in);
        turn(query, weight(prefix + "attn_q_norm.weight"), i);
        turn(keys[i], weight(prefix + "attn_k_norm.weight"), i);
        double[] all = new double[HEADS * HEAD_DIM];
        for (int head = 0; head < HEADS; head++) {
          attend(query, keys, values, i, head, all);
        }
        add(1, product(prefix + "attn_output.weight", rounded(all)), hidden[i]);
      }
    }

    /** One head of the token at a position, over those up to it. */
    private static void attend(
        double[] query, double[][] keys, double[][] values, int position, int head, double[] all) {
      int from = head * HEAD_DIM;
      int shared = head / (HEADS / KV_HEADS) * HEAD_DIM;
      double[] scores = new double[position + 1];
      for (int other = 0; other <= position; other++) {
        for (int i = 0; i < HEAD_DIM; i++) {
          scores[other] += query[from + i] * keys[other][shared + i] / Math.sqrt(HEAD_DIM);
        }
      }
      double[] shares = softmax(scores);
      for (int other = 0; other <= position; other++) {
        for (int i = 0; i < HEAD_DIM; i++) {
          all[from + i] += shares[other] * values[other][shared + i];
        }
      }
    }

    /** Norms each head and turns its halves by the position. */
    private static void turn(double[] heads, float[] norm, int position) {
      for (int from = 0; from < heads.length; from += HEAD_DIM) {
        double[] head = normed(heads, norm, from, HEAD_DIM);
        for (int i = 0; i < HEAD_DIM / 2; i++) {
          double angle = position * Math.pow(THETA, -2.0 * i / HEAD_DIM);
          double left = head[i];
          double right = head[i + HEAD_DIM / 2];
          heads[from + i] = left * Math.cos(angle) - right * Math.sin(angle);
          heads[from + i + HEAD_DIM / 2] = right * Math.cos(angle) + left * Math.sin(angle);
        }
      }
    }

    private void mix(String prefix, double[] hidden) {
      double[] normed = normed(hidden, weight(prefix + "ffn_norm.weight"), 0, hidden.length);
      double[] shares = softmax(product(prefix + "ffn_gate_inp.weight", normed));
      int[] chosen =
          IntStream.range(0, EXPERTS)
              .boxed()
              .sorted(Comparator.comparingDouble(expert -> -shares[expert]))
              .limit(TOP_K)
              .mapToInt(Integer::intValue)
              .toArray();
      double sum = Arrays.stream(chosen).mapToDouble(expert -> shares[expert]).sum();
      double[] in = rounded(normed);
      for (int expert : chosen) {
        String name = "weight[" + expert + "]";
        double[] gate = product(prefix + "ffn_gate_exps." + name, in);
        double[] up = product(prefix + "ffn_up_exps." + name, in);
        for (int i = 0; i < gate.length; i++) {
          gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
        }
        double[] down = product(prefix + "ffn_down_exps." + name, rounded(gate));
        add(shares[expert] / sum, down, hidden);
      }
    }

    private float[] weight(String name) {
      return weights.computeIfAbsent(name, key -> checkpoint.tensor(key).floats());
    }

    private double[] product(String name, double[] in) {
      float[] weight = weight(name);
      double[] out = new double[weight.length / in.length];
      for (int row = 0; row < out.length; row++) {
        double sum = 0;
        for (int column = 0; column < in.length; column++) {
          sum += weight[row * in.length + column] * in[column];
        }
        out[row] = sum;
      }
      return out;
    }

    /** In 127 steps up to the largest magnitude of each 32. */
    private double[] rounded(double[] values) {
      double[] rounded = new double[values.length];
      for (int from = 0; from < values.length; from += 32) {
        double largest = Arrays.stream(values, from, from + 32).map(Math::abs).max().orElseThrow();
        for (int i = from; i < from + 32; i++) {
          double steps = values[i] * 127 / largest;
          undecided |= Math.abs(Math.abs(steps - Math.rint(steps)) - 0.5) < BETWEEN;
          rounded[i] = Math.rint(steps) * largest / 127;
        }
      }
      return rounded;
    }

    private static double[] normed(double[] values, float[] norm, int from, int count) {
      double squares = 0;
      for (int i = from; i < from + count; i++) {
        squares += values[i] * values[i];
      }
      double scale = 1 / Math.sqrt(squares / count + EPSILON);
      double[] normed = new double[count];
      for (int i = 0; i < count; i++) {
        normed[i] = values[from + i] * scale * norm[i];
      }
      return normed;
    }

    private static double[] softmax(double[] scores) {
      double most = Arrays.stream(scores).max().orElseThrow();
      double[] shares = Arrays.stream(scores).map(score -> Math.exp(score - most)).toArray();
      double sum = DoubleStream.of(shares).sum();
      return Arrays.stream(shares).map(share -> share / sum).toArray();
    }

    private static void add(double factor, double[] values, double[] into) {
      for (int i = 0; i < into.length; i++) {
        into[i] += factor * values[i];
      }
    }

    private static double[] doubles(float[] values, int from, int count) {
      return IntStream.range(from, from + count).mapToDouble(i -> values[i]).toArray();
    }
  }
}
