package dev.consilium.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * The processor as a device: kernels, and the threads that share their work.
 *
 * <p>Threading: may be called from any thread; calls of several threads follow one another.
 */
public final class CpuDevice implements AutoCloseable {
  /**
   * Multiply-adds that make a task worth claiming: some ten microseconds, against the microsecond
   * that handing it out costs.
   */
  private static final long TASK_MULTIPLY_ADDS = 1 << 17;

  /**
   * Tokens of a task at most: a narrow layer with many tokens still splits, and the activations of
   * a block stay in the second cache while panel after panel passes.
   */
  private static final int TASK_TOKENS = 128;

  private final Kernels kernels;
  private final ThreadTeam team;

  /** A device with the machine's fastest kernels. */
  public CpuDevice(int threads) {
    this(threads, Kernels.best());
  }

  public CpuDevice(int threads, Kernels kernels) {
    this.kernels = kernels;
    this.team = new ThreadTeam("cpu", threads);
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
   * Computes all jobs in one parallel region. The jobs must not write the same rows, nor read what
   * another one writes.
   */
  public void matmul(List<MatmulJob> jobs) {
    List<MatmulTask> tasks = new ArrayList<>();
    for (MatmulJob job : jobs) {
      split(job, tasks);
    }
    team.run(tasks.size(), task -> tasks.get(task).run(kernels));
  }

  /** Calls {@code body} with 0 to {@code tasks - 1} on the threads of the device. */
  public void parallel(int tasks, IntConsumer body) {
    team.run(tasks, body);
  }

  private static void split(MatmulJob job, List<MatmulTask> into) {
    int panels = job.weights().panels();
    for (int token = 0; token < job.tokens(); token += TASK_TOKENS) {
      int endToken = Math.min(token + TASK_TOKENS, job.tokens());
      int step = panelsPerTask(job.weights().columns(), endToken - token);
      for (int panel = 0; panel < panels; panel += step) {
        into.add(new MatmulTask(job, panel, Math.min(panel + step, panels), token, endToken));
      }
    }
  }

  private static int panelsPerTask(int columns, int tokens) {
    long ofPanel = (long) PackedMatrix.PANEL_ROWS * columns * tokens;
    return (int) Math.max(1, TASK_MULTIPLY_ADDS / ofPanel);
  }

  @Override
  public void close() {
    team.close();
  }

  /** Some panels and tokens of a job. */
  private record MatmulTask(
      MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    void run(Kernels kernels) {
      kernels.multiply(job, firstPanel, endPanel, firstToken, endToken);
    }
  }
}
