package dev.consilium.tensor;

import java.util.Arrays;
import java.util.List;

/**
 * Cuts products into tasks: some panels of the weights times some tokens. A task is a number, for a
 * step has thousands and the objects would be cold memory.
 */
final class MatmulTasks {
  /** Tasks for each thread, so that threads end together. */
  private static final int MOST_TASKS_PER_THREAD = 24;

  /** Where tasks would be small: what claiming and beginning one costs is some per cent of them. */
  private static final int LEAST_TASKS_PER_THREAD = 4;

  /** A task that is not small reads as many weights, which takes some fifty microseconds. */
  private static final long ENOUGH_WEIGHTS = 1 << 20;

  /** And no task reads fewer: a microsecond, against the tenth of one that claiming it costs. */
  private static final long LEAST_WEIGHTS = 1 << 15;

  /**
   * Tokens that a quantised weight is multiplied with in about the time in which it is read: with
   * fewer, a task takes as long as with as many.
   */
  private static final int TOKENS_OF_A_READ = 8;

  /**
   * Tokens of a task at most: a narrow layer with many tokens still splits, and the activations of
   * a block stay in the second cache while panel after panel passes.
   */
  private static final int TASK_TOKENS = 128;

  /** And where they are gathered: fewer, so that there are more panels to gather them for. */
  private static final int TASK_TOKENS_GATHERED = 64;

  /**
   * Tokens of a task at least where plain weights, those of a gate, have fewer panels than there
   * are threads: kernels take four or six at once.
   */
  private static final int LEAST_TOKENS = 4;

  private final List<MatmulJob> jobs;
  private final List<QuantisedTokens> quantised;
  private final Kernels kernels;

  /** First task of each job, and one behind the last. */
  private final int[] firstTask;

  /** Panels and tokens of a task, by job. */
  private final int[] panelStep;

  private final int[] tokenStep;

  /**
   * @param quantised the activations of each job; empty if no job has quantised weights
   */
  MatmulTasks(List<MatmulJob> jobs, List<QuantisedTokens> quantised, Kernels kernels, int threads) {
    this.jobs = jobs;
    this.quantised = quantised;
    this.kernels = kernels;
    this.firstTask = new int[jobs.size() + 1];
    this.panelStep = new int[jobs.size()];
    this.tokenStep = new int[jobs.size()];
    double work = 0;
    for (MatmulJob job : jobs) {
      work += work(job.weights(), job.tokens());
    }
    double perTask =
        Math.max(
            work / (MOST_TASKS_PER_THREAD * threads),
            Math.min(work / (LEAST_TASKS_PER_THREAD * threads), ENOUGH_WEIGHTS));
    for (int i = 0; i < jobs.size(); i++) {
      cut(i, Math.max(perTask, LEAST_WEIGHTS), threads);
    }
  }

  /** How many weights could be read in the time that the product takes. */
  private static double work(PackedMatrix weights, int tokens) {
    double size = (double) weights.rows() * weights.columns();
    boolean quantised = weights.dtype().quantised();
    return size * (quantised ? Math.max(1.0, (double) tokens / TOKENS_OF_A_READ) : tokens);
  }

  private void cut(int i, double perTask, int threads) {
    MatmulJob job = jobs.get(i);
    int tokenParts = tokenParts(job, threads);
    tokenStep[i] = tokenParts == 0 ? 1 : Math.ceilDiv(job.tokens(), tokenParts);
    panelStep[i] = panelsPerTask(job.weights(), tokenStep[i], perTask);
    int panelParts = Math.ceilDiv(job.weights().panels(), panelStep[i]);
    firstTask[i + 1] = Math.addExact(firstTask[i], Math.multiplyExact(tokenParts, panelParts));
  }

  private int tokenParts(MatmulJob job, int threads) {
    if (job.weights().dtype().quantised()) {
      return Math.ceilDiv(
          job.tokens(), kernels.gathersTokens() ? TASK_TOKENS_GATHERED : TASK_TOKENS);
    }
    int parts = Math.ceilDiv(threads, job.weights().panels());
    return Math.max(
        Math.ceilDiv(job.tokens(), TASK_TOKENS), Math.min(parts, job.tokens() / LEAST_TOKENS));
  }

  private static int panelsPerTask(PackedMatrix weights, int tokens, double perTask) {
    int parts = (int) Math.max(1, Math.round(work(weights, tokens) / perTask));
    int panels = Math.ceilDiv(weights.panels(), parts);
    if (!weights.dtype().quantised()) {
      return panels;
    }
    // Kernels take two of these narrower panels at once, or more where there are many tokens.
    int together = tokens < 4 ? 2 : QuantTiles.panels(weights.quantLayout());
    return Math.ceilDiv(panels, together) * together;
  }

  int count() {
    return firstTask[jobs.size()];
  }

  /** Computes one task on this thread. */
  void run(int task) {
    int found = Arrays.binarySearch(firstTask, task);
    // Jobs without tokens have no tasks: of several that begin here the last one has it.
    int i = found >= 0 ? found : -found - 2;
    while (firstTask[i + 1] == task) {
      i++;
    }
    MatmulJob job = jobs.get(i);
    int panels = job.weights().panels();
    int panelParts = Math.ceilDiv(panels, panelStep[i]);
    int firstPanel = (task - firstTask[i]) % panelParts * panelStep[i];
    int endPanel = Math.min(firstPanel + panelStep[i], panels);
    int firstToken = (task - firstTask[i]) / panelParts * tokenStep[i];
    int endToken = Math.min(firstToken + tokenStep[i], job.tokens());
    if (job.weights().dtype().quantised()) {
      kernels.multiplyQuantised(job, quantised.get(i), firstPanel, endPanel, firstToken, endToken);
    } else {
      kernels.multiply(job, firstPanel, endPanel, firstToken, endToken);
    }
  }
}
