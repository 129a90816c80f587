package dev.consilium.model.expert;

import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.MatmulJob;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * Computes several gated blocks of one size at once, each over its own rows:
 *
 * <ol>
 *   <li>one parallel region for the gate and up products of all blocks;
 *   <li>{@code silu(gate) * up}, row by row;
 *   <li>one parallel region for all down products.
 * </ol>
 *
 * <p>Every result row comes from one input row by the same operations in the same order, however
 * blocks and rows are grouped.
 *
 * <p>Keeps its intermediate matrices for the next call while they are small. Not thread-safe.
 */
final class GatedBlocks {

  /** Intermediates up to this size are kept between calls. */
  private static final long KEPT_BYTES = 64L << 20;

  /** Elements that make a task worth handing to another thread. */
  private static final int TASK_ELEMENTS = 1 << 14;

  /**
   * A block and the rows of the input that it computes.
   *
   * @param rows not changed while the computation runs
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared, and lives for one call
  record Block(GatedWeights weights, int[] rows) {}

  private final CpuDevice device;
  private Optional<F32Matrix> gateUpKept = Optional.empty();
  private Optional<F32Matrix> activatedKept = Optional.empty();

  GatedBlocks(CpuDevice device) {
    this.device = device;
  }

  CpuDevice device() {
    return device;
  }

  /**
   * One row per block and row, in the order given.
   *
   * @param x {@code [tokens, hiddenSize]}
   * @param blocks at least one, all of one size
   * @return {@code [sum of rows, hiddenSize]}
   */
  F32Matrix compute(F32Matrix x, List<Block> blocks) {
    GatedWeights first = blocks.getFirst().weights();
    int intermediate = first.intermediateSize();
    int rows = blocks.stream().mapToInt(block -> block.rows().length).sum();
    F32Matrix result = F32Matrix.allocate(rows, first.hiddenSize());
    if (rows > 0) {
      F32Matrix gateUp = room(gateUpKept, rows, 2 * intermediate);
      F32Matrix activated = room(activatedKept, rows, intermediate);
      gateUpKept = keep(gateUp);
      activatedKept = keep(activated);
      device.matmul(gateUpJobs(x, blocks, gateUp));
      activate(gateUp, activated, rows, intermediate);
      device.matmul(downJobs(activated, blocks, result));
    }
    return result;
  }

  /** Calls {@code body} for each row, on the threads of the device. */
  void forEachRow(int rows, int columns, IntConsumer body) {
    int perTask = Math.max(1, TASK_ELEMENTS / columns);
    device.parallel(
        (rows + perTask - 1) / perTask,
        task -> {
          int end = Math.min(rows, (task + 1) * perTask);
          for (int row = task * perTask; row < end; row++) {
            body.accept(row);
          }
        });
  }

  private static List<MatmulJob> gateUpJobs(F32Matrix x, List<Block> blocks, F32Matrix gateUp) {
    List<MatmulJob> jobs = new ArrayList<>(blocks.size());
    int from = 0;
    for (Block block : blocks) {
      jobs.addAll(block.weights().gateUp().jobs(x, block.rows(), gateUp, from));
      from += block.rows().length;
    }
    return jobs;
  }

  private void activate(F32Matrix gateUp, F32Matrix activated, int rows, int intermediate) {
    Kernels kernels = device.kernels();
    long upBytes = (long) intermediate * Float.BYTES;
    forEachRow(
        rows,
        intermediate,
        row ->
            kernels.siluMultiply(
                gateUp.segment(),
                gateUp.offset(row),
                gateUp.segment(),
                gateUp.offset(row) + upBytes,
                intermediate,
                activated.segment(),
                activated.offset(row)));
  }

  private static List<MatmulJob> downJobs(
      F32Matrix activated, List<Block> blocks, F32Matrix result) {
    List<MatmulJob> jobs = new ArrayList<>(blocks.size());
    int from = 0;
    for (Block block : blocks) {
      int[] rows = new int[block.rows().length];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = from + i;
      }
      jobs.add(new MatmulJob(block.weights().down(), activated, rows, result, from));
      from += rows.length;
    }
    return jobs;
  }

  private static F32Matrix room(Optional<F32Matrix> kept, int rows, int columns) {
    return kept.filter(matrix -> matrix.rows() >= rows && matrix.columns() == columns)
        .orElseGet(() -> F32Matrix.allocate(rows, columns));
  }

  private static Optional<F32Matrix> keep(F32Matrix matrix) {
    return matrix.segment().byteSize() <= KEPT_BYTES ? Optional.of(matrix) : Optional.empty();
  }
}
