package dev.consilium.router.check;

import dev.consilium.router.Router;
import dev.consilium.router.forward.BatchResult;
import dev.consilium.router.forward.BatchSlice;
import dev.consilium.router.forward.ForwardObserver;
import dev.consilium.router.gating.ExpertChoices;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.router.sampling.Sampler;
import dev.consilium.router.scheduling.GenerationListener;
import dev.consilium.router.scheduling.GenerationRequest;
import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import io.opentelemetry.context.Context;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Compares a router with the golden values of its model.
 *
 * <ol>
 *   <li>Prefill over all inputs, in chunks: logits, the hidden state after every layer, gate
 *       logits, chosen experts and their weights.
 *   <li>Greedy continuation, token by token: the logits of each step.
 *   <li>The same continuation as a request to the engine: its tokens.
 * </ol>
 *
 * <p>Numbers may differ by 1e-3 of the largest absolute value, gate weights by 1e-4; choices must
 * be equal. The choice of a token is left out where the reference itself had less than 1e-4 between
 * the last expert chosen and the first not chosen: that is a coin toss.
 */
public final class GoldenCheck {
  private static final double TOLERANCE = 1e-3;
  private static final double WEIGHT_TOLERANCE = 1e-4;
  private static final double COIN_TOSS = 1e-4;

  private final Router router;
  private final GoldenValues golden;
  private final List<String> problems = new ArrayList<>();
  private double logitError;
  private double hiddenError;
  private double weightError;

  private GoldenCheck(Router router, GoldenValues golden) {
    this.router = router;
    this.golden = golden;
  }

  /**
   * Checks a router, which must not serve requests meanwhile.
   *
   * @param directory the model directory, with its golden values
   * @param chunk tokens of the prompt in one pass; 0: all
   * @throws dev.consilium.model.checkpoint.CheckpointException if the golden values cannot be read
   */
  public static GoldenReport run(Router router, Path directory, int chunk) {
    try (GoldenValues golden = GoldenValues.open(directory)) {
      GoldenCheck check = new GoldenCheck(router, golden);
      check.prefill(chunk);
      check.greedyPasses();
      check.greedyRequest();
      return new GoldenReport(
          check.problems, check.logitError, check.hiddenError, check.weightError);
    }
  }

  private void prefill(int chunk) {
    int[] ids = golden.ids("input_ids");
    float[] wanted = golden.floats("logits");
    float scale = largest(wanted);
    int vocabulary = wanted.length / ids.length;
    int step = Math.min(chunk == 0 ? ids.length : chunk, batchLimit());
    SequenceCache cache = new SequenceCache(router.pool());
    try {
      for (int from = 0; from < ids.length; from += step) {
        int count = Math.min(step, ids.length - from);
        BatchResult result =
            pass(cache, ids, from, count, ids.length, BatchSlice.Logits.ALL, new LayerCheck(from));
        for (int i = 0; i < count; i++) {
          float[] logits = new float[vocabulary];
          result.readLogits(0, i, logits);
          compareLogits("position " + (from + i), wanted, from + i, logits, scale);
        }
      }
    } finally {
      cache.release();
    }
  }

  private void greedyPasses() {
    int[] greedy = golden.ids("greedy_ids");
    float[] wanted = golden.floats("greedy_logits");
    float scale = largest(wanted);
    int[] tokens = promptAndMore(greedy);
    int prompt = golden.promptLength();
    SequenceCache cache = new SequenceCache(router.pool());
    try {
      for (int i = 0; i < greedy.length; i++) {
        boolean worthless = prompt + i - 1 == router.forward().shortTokens();
        if (worthless) {
          cache.release(); // as the engine does
        }
        int from = i == 0 || worthless ? 0 : prompt + i - 1;
        BatchResult result =
            pass(
                cache,
                tokens,
                from,
                prompt + i - from,
                prompt + i,
                BatchSlice.Logits.LAST,
                ForwardObserver.NONE);
        float[] logits = new float[wanted.length / greedy.length];
        result.readLastLogits(0, logits);
        compareLogits("greedy step " + i, wanted, i, logits, scale);
      }
    } finally {
      cache.release();
    }
  }

  private int[] promptAndMore(int[] greedy) {
    int[] tokens = Arrays.copyOf(prompt(), golden.promptLength() + greedy.length);
    System.arraycopy(greedy, 0, tokens, golden.promptLength(), greedy.length);
    return tokens;
  }

  private int[] prompt() {
    return Arrays.copyOf(golden.ids("input_ids"), golden.promptLength());
  }

  private int batchLimit() {
    return router.engine().limits().step().batchTokens();
  }

  private BatchResult pass(
      SequenceCache cache,
      int[] tokens,
      int from,
      int count,
      int sequenceTokens,
      BatchSlice.Logits logits,
      ForwardObserver observer) {
    cache.reserve(from + count);
    BatchResult result =
        router
            .forward()
            .run(
                List.of(
                    new BatchSlice(
                        cache, tokens, from, count, sequenceTokens, logits, false, Context.root())),
                observer);
    result
        .failure(0)
        .ifPresent(status -> {
          throw status.asRuntimeException();
        });
    cache.computed(from + count);
    return result;
  }

  private void greedyRequest() {
    int[] wanted = golden.ids("greedy_ids");
    Collected collected = new Collected();
    router.engine().submit(GenerationRequest.greedy(prompt(), wanted.length, Set.of()), collected);
    List<Integer> got = collected.tokens.join();
    List<Integer> expected = Arrays.stream(wanted).boxed().toList();
    if (!got.equals(expected)) {
      problems.add("greedy ids are " + got + ", expected " + expected);
    }
  }

  private static final class Collected implements GenerationListener {
    private final List<Integer> soFar = new ArrayList<>();
    final CompletableFuture<List<Integer>> tokens = new CompletableFuture<>();

    @Override
    public void onToken(GeneratedToken token) {
      soFar.add(token.id());
    }

    @Override
    public void onFinish(Finish finish) {
      tokens.complete(soFar);
    }

    @Override
    public void onFailure(Status status) {
      tokens.completeExceptionally(status.asRuntimeException());
    }
  }

  private void compareLogits(String where, float[] wanted, int row, float[] got, float scale) {
    float[] expected = Arrays.copyOfRange(wanted, row * got.length, (row + 1) * got.length);
    double error = error(expected, got) / scale;
    logitError = Math.max(logitError, error);
    if (!(error <= TOLERANCE)) {
      problem(
          "logits at %s are off by %.2e of the largest, tolerance %.0e", where, error, TOLERANCE);
    }
    if (Sampler.argmax(expected) != Sampler.argmax(got)) {
      problem(
          "the best token at %s is %d, expected %d",
          where, Sampler.argmax(got), Sampler.argmax(expected));
    }
  }

  @SuppressWarnings(
      "AnnotateFormatMethod") // would need the checker's own library on our class path
  private void problem(String format, Object... arguments) {
    problems.add(String.format(Locale.ROOT, format, arguments));
  }

  private static double error(float[] expected, float[] got) {
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs((double) expected[i] - got[i]);
      // Not Math.max alone: a NaN must not pass as a small error.
      worst = difference <= worst ? worst : difference;
    }
    return worst;
  }

  private static float largest(float[] values) {
    float largest = Float.MIN_NORMAL;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  /** Compares the inside of a pass whose first token is the reference's token {@code from}. */
  private final class LayerCheck implements ForwardObserver {
    private final int from;

    LayerCheck(int from) {
      this.from = from;
    }

    @Override
    public void onLayer(int layer, F32Matrix hidden, int tokens) {
      golden
          .floatsIfThere("hidden." + layer)
          .ifPresent(wanted -> {
            double error = compareRows(wanted, hidden, hidden.columns(), tokens);
            hiddenError = Math.max(hiddenError, error);
            if (!(error <= TOLERANCE)) {
              problem("hidden states after layer %d are off by %.2e", layer, error);
            }
          });
    }

    @Override
    public void onGate(int layer, F32Matrix logits, ExpertChoices choices) {
      float[] wanted = golden.floats("router_logits." + layer);
      int experts = wanted.length / golden.ids("input_ids").length;
      double error = compareRows(wanted, logits, experts, choices.tokens());
      if (!(error <= TOLERANCE)) {
        problem("gate logits of layer %d are off by %.2e", layer, error);
      }
      int[] ids = golden.ids("topk_ids." + layer);
      float[] weights = golden.floats("topk_weights." + layer);
      for (int token = 0; token < choices.tokens(); token++) {
        int row = from + token;
        float[] scores = Arrays.copyOfRange(wanted, row * experts, (row + 1) * experts);
        if (gap(scores, choices.topK()) >= COIN_TOSS) {
          compareChoices(layer, row, choices, token, ids, weights);
        }
      }
    }

    private double compareRows(float[] wanted, F32Matrix got, int columns, int tokens) {
      double worst = 0;
      float[] row = new float[got.columns()];
      for (int token = 0; token < tokens; token++) {
        got.readRow(token, row);
        int at = (from + token) * columns;
        worst =
            Math.max(
                worst,
                error(Arrays.copyOfRange(wanted, at, at + columns), Arrays.copyOf(row, columns)));
      }
      return worst / largest(wanted);
    }

    private void compareChoices(
        int layer, int row, ExpertChoices choices, int token, int[] ids, float[] weights) {
      int k = choices.topK();
      for (int rank = 0; rank < k; rank++) {
        int at = find(ids, row * k, k, choices.expert(token, rank));
        if (at < 0) {
          problem(
              "layer %d position %d chooses expert %d, expected one of %s",
              layer,
              row,
              choices.expert(token, rank),
              Arrays.toString(Arrays.copyOfRange(ids, row * k, (row + 1) * k)));
          return;
        }
        double error = Math.abs((double) weights[at] - choices.weight(token, rank));
        weightError = Math.max(weightError, error);
        if (!(error <= WEIGHT_TOLERANCE)) {
          problem(
              "layer %d position %d weighs expert %d by %s, expected %s",
              layer, row, ids[at], choices.weight(token, rank), weights[at]);
        }
      }
    }

    private static int find(int[] ids, int from, int count, int wanted) {
      for (int i = from; i < from + count; i++) {
        if (ids[i] == wanted) {
          return i;
        }
      }
      return -1;
    }

    /** What lies between the last expert chosen and the first not chosen, after softmax. */
    private static double gap(float[] logits, int k) {
      if (k >= logits.length) {
        return Double.POSITIVE_INFINITY;
      }
      double[] sorted = new double[logits.length];
      double sum = 0;
      for (int i = 0; i < logits.length; i++) {
        sorted[i] = Math.exp(logits[i]);
        sum += sorted[i];
      }
      Arrays.sort(sorted);
      return (sorted[logits.length - k] - sorted[logits.length - k - 1]) / sum;
    }
  }
}
