package dev.consilium.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/**
 * The processor as a device: kernels, and the threads that share their work.
 *
 * <p>Threading: may be called from any thread; calls of several threads follow one another.
 */
public final class CpuDevice implements AutoCloseable {
  /** Multiply-adds of a task at most: some ten microseconds, so that threads end together. */
  private static final long MOST_MULTIPLY_ADDS = 1 << 18;

  /** And at least: a microsecond, against the tenth of one that claiming a task costs. */
  private static final long LEAST_MULTIPLY_ADDS = 1 << 15;

  /** Tasks for each thread, where that keeps within these bounds. */
  private static final int TASKS_PER_THREAD = 24;

  /**
   * Tokens of a task at most: a narrow layer with many tokens still splits, and the activations of
   * a block stay in the second cache while panel after panel passes.
   */
  private static final int TASK_TOKENS = 128;

  private final Kernels kernels;
  private final ThreadTeam team;
  private final AttentionTasks attention;

  /**
   * Memory for quantised activations, one for each thread that ever multiplied at once with others.
   */
  private final Queue<QuantisedActivations> idleActivations = new ConcurrentLinkedQueue<>();

  /** A device with the machine's fastest kernels. */
  public CpuDevice(int threads) {
    this(threads, Kernels.best());
  }

  public CpuDevice(int threads, Kernels kernels) {
    this.kernels = kernels;
    this.team = new ThreadTeam("cpu", threads);
    this.attention = new AttentionTasks(kernels, team);
  }

  public Kernels kernels() {
    return kernels;
  }

  public ThreadTeam team() {
    return team;
  }

  public int threads() {
    return team.threads();
  }

  /**
   * Computes all jobs in one parallel region; before it, the activations of quantised weights are
   * quantised, in a region of its own if they are many. The jobs must not write the same rows, nor
   * read what another one writes.
   */
  public void matmul(List<MatmulJob> jobs) {
    if (jobs.stream().noneMatch(job -> job.weights().dtype().quantised())) {
      run(jobs, List.of());
      return;
    }
    withActivations(activations -> run(jobs, activations.prepare(jobs, kernels, team)));
  }

  /** Computes one job on this thread alone, which may be inside a region of the device. */
  public void matmulHere(MatmulJob job) {
    int panels = job.weights().panels();
    if (!job.weights().dtype().quantised()) {
      kernels.multiply(job, 0, panels, 0, job.tokens());
      return;
    }
    withActivations(activations ->
        kernels.multiplyQuantised(
            job, activations.prepare(job, kernels), 0, panels, 0, job.tokens()));
  }

  private void withActivations(Consumer<QuantisedActivations> use) {
    QuantisedActivations activations =
        Optional.ofNullable(idleActivations.poll()).orElseGet(QuantisedActivations::new);
    try {
      use.accept(activations);
    } finally {
      activations.clear();
      idleActivations.add(activations);
    }
  }

  private void run(List<MatmulJob> jobs, List<QuantisedTokens> quantised) {
    long multiplyAdds = jobs.stream().mapToLong(CpuDevice::multiplyAdds).sum();
    long perTask =
        Math.clamp(
            multiplyAdds / ((long) TASKS_PER_THREAD * threads()),
            LEAST_MULTIPLY_ADDS,
            MOST_MULTIPLY_ADDS);
    List<MatmulTask> tasks = new ArrayList<>();
    for (int i = 0; i < jobs.size(); i++) {
      MatmulJob job = jobs.get(i);
      boolean ofBlocks = job.weights().dtype().quantised();
      split(job, ofBlocks ? Optional.of(quantised.get(i)) : Optional.empty(), perTask, tasks);
    }
    team.run(tasks.size(), task -> tasks.get(task).run(kernels));
  }

  private static long multiplyAdds(MatmulJob job) {
    return (long) job.weights().rows() * job.weights().columns() * job.tokens();
  }

  /** Computes the attention of all jobs, which must not write the same rows. */
  public void attend(List<AttentionJob> jobs) {
    attention.run(jobs);
  }

  /** Calls {@code body} with 0 to {@code tasks - 1} on the threads of the device. */
  public void parallel(int tasks, IntConsumer body) {
    team.run(tasks, body);
  }

  private static void split(
      MatmulJob job, Optional<QuantisedTokens> quantised, long perTask, List<MatmulTask> into) {
    int panels = job.weights().panels();
    for (int token = 0; token < job.tokens(); token += TASK_TOKENS) {
      int endToken = Math.min(token + TASK_TOKENS, job.tokens());
      int step = panelsPerTask(job.weights(), endToken - token, perTask);
      for (int panel = 0; panel < panels; panel += step) {
        int endPanel = Math.min(panel + step, panels);
        into.add(new MatmulTask(job, quantised, panel, endPanel, token, endToken));
      }
    }
  }

  private static int panelsPerTask(PackedMatrix weights, int tokens, long multiplyAdds) {
    long ofPanel = (long) weights.panelRows() * weights.columns() * tokens;
    int panels = (int) Math.max(1, multiplyAdds / ofPanel);
    if (!weights.dtype().quantised()) {
      return panels;
    }
    // Kernels take two of these narrower panels at once, or four where there are many tokens.
    int together = tokens < 4 ? 2 : 4;
    return (panels + together - 1) / together * together;
  }

  @Override
  public void close() {
    team.close();
  }

  /** Some panels and tokens of a job. */
  private record MatmulTask(
      MatmulJob job,
      Optional<QuantisedTokens> quantised,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    void run(Kernels kernels) {
      if (quantised.isPresent()) {
        QuantisedTokens tokens = quantised.get();
        kernels.multiplyQuantised(job, tokens, firstPanel, endPanel, firstToken, endToken);
      } else {
        kernels.multiply(job, firstPanel, endPanel, firstToken, endToken);
      }
    }
  }
}
