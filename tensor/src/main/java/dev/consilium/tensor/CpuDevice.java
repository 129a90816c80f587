package dev.consilium.tensor;

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
  private final Kernels kernels;
  private final ThreadTeam team;
  private final AttentionTasks attention;
  private volatile List<PackedMatrix> expected = List.of();

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
    Processors.warnOnce(threads);
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
    matmul(jobs, () -> {});
  }

  /** As {@link #matmul(List)}, and when the products begin, {@link #expect} of what comes next. */
  public void matmul(List<MatmulJob> jobs, List<PackedMatrix> next) {
    matmul(jobs, () -> expect(next));
  }

  private void matmul(List<MatmulJob> jobs, Runnable atStart) {
    if (jobs.stream().noneMatch(job -> job.weights().dtype().quantised())) {
      atStart.run();
      run(jobs, List.of());
      return;
    }
    withActivations(activations -> {
      List<QuantisedTokens> quantised = activations.prepare(jobs, kernels, team);
      atStart.run();
      run(jobs, quantised);
    });
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
    MatmulTasks tasks = new MatmulTasks(jobs, quantised, kernels, threads());
    team.runStretches(tasks.count(), tasks::run);
  }

  /**
   * Says with which weights the next product of few tokens will be, in their order: until it says
   * otherwise, threads that wait read ahead of them. Makes no difference to results.
   *
   * @return what was said before
   */
  public List<PackedMatrix> expect(List<PackedMatrix> weights) {
    List<PackedMatrix> before = expected;
    expected = weights;
    team.whileIdle(new ReadAhead(weights, threads(), kernels::readAhead));
    return before;
  }

  /** Computes the attention of all jobs, which must not write the same rows. */
  public void attend(List<AttentionJob> jobs) {
    attention.run(jobs);
  }

  /**
   * Calls {@code body} with 0 to {@code tasks - 1} on the threads of the device. Each thread begins
   * with a stretch of its own, the same one each time, so that it finds in its cache what it wrote
   * before, and reads weights in the order in which they lie.
   */
  public void parallel(int tasks, IntConsumer body) {
    team.runStretches(tasks, body);
  }

  @Override
  public void close() {
    team.close();
  }
}
