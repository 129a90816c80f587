package dev.consilium.model.expert;

import dev.consilium.model.family.Activation;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.Kernels;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import dev.consilium.tensor.ScratchMatrix;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Computes several blocks of one size and activation at once, each over its own rows:
 *
 * <ol>
 *   <li>the gate and up products of all blocks, in one parallel region;
 *   <li>their biases, if any, and the activation, row by row;
 *   <li>the down products, with their biases;
 *   <li>what the caller does to each row of the result.
 * </ol>
 *
 * <p>Where there are few blocks for the threads, steps 2 to 4 are a region each, and threads share
 * a block. Where there are many, a thread takes a block through all three, with activations that
 * stay in its cache.
 *
 * <p>Every result row comes from one input row by the same operations in the same order, however
 * blocks and rows are grouped.
 *
 * <p>Keeps its matrices for the next call. Threading: one owner at a time.
 */
public final class BlockComputation {

  /** Elements that make a task worth handing to another thread. */
  private static final int TASK_ELEMENTS = 1 << 14;

  /** Rows of a block that one task takes: enough to use a weight often, few enough to be cached. */
  private static final int TASK_ROWS = 64;

  /** Tasks for each thread from which on a thread takes whole ones: the last ones come out even. */
  private static final int TASKS_PER_THREAD = 8;

  /** What is done to each row of the result, on some thread. */
  interface RowFinish {
    void finish(F32Matrix result, int row);
  }

  /**
   * A block and the rows of the input that it computes.
   *
   * @param rows not changed while the computation runs
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared, and lives for one call
  record Block(BlockWeights weights, int[] rows) {}

  /**
   * Some rows of a block.
   *
   * @param first the first one's place in the result
   */
  private record Part(BlockWeights weights, int first, int count) {}

  private final CpuDevice device;
  private final ScratchMatrix gateUps = new ScratchMatrix();
  private final ScratchMatrix activations = new ScratchMatrix();
  private final ScratchMatrix results = new ScratchMatrix();

  /** Memory for a part's activations, one for each thread that ever computed parts. */
  private final Queue<ScratchMatrix> idle = new ConcurrentLinkedQueue<>();

  public BlockComputation(CpuDevice device) {
    this.device = device;
  }

  CpuDevice device() {
    return device;
  }

  /**
   * One row per block and row, in the order given.
   *
   * @param x {@code [tokens, width]}
   * @param blocks at least one, all of one size and activation
   * @return {@code [sum of rows, width]}, valid until the next call
   */
  F32Matrix compute(F32Matrix x, List<Block> blocks, RowFinish finish) {
    BlockWeights first = blocks.getFirst().weights();
    int rows = 0;
    List<PackedMatrix> gatesAndUps = new ArrayList<>(2 * blocks.size());
    List<PackedMatrix> downs = new ArrayList<>(blocks.size());
    for (Block block : blocks) {
      rows += block.rows().length;
      gatesAndUps.addAll(block.weights().gateUp().parts());
      downs.add(block.weights().down());
    }
    F32Matrix result = results.of(rows, first.width());
    if (rows == 0) {
      return result;
    }
    List<PackedMatrix> later = device.expect(gatesAndUps);
    F32Matrix gateUp = gateUps.of(rows, first.gateUp().rows());
    device.matmul(gateUpJobs(x, blocks, gateUp), downs);
    List<Part> parts = parts(blocks);
    if (parts.size() < TASKS_PER_THREAD * device.threads()) {
      computeTogether(gateUp, blocks, later, result, finish);
    } else {
      device.expect(later);
      device.parallel(parts.size(), task -> compute(gateUp, parts.get(task), result, finish));
    }
    return result;
  }

  /** Threads share blocks. */
  private void computeTogether(
      F32Matrix gateUp,
      List<Block> blocks,
      List<PackedMatrix> later,
      F32Matrix result,
      RowFinish finish) {
    F32Matrix activated =
        activations.of(result.rows(), blocks.getFirst().weights().intermediateSize());
    BlockWeights[] ofRow = weightsOfRows(blocks, result.rows());
    forEachRow(
        result.rows(),
        activated.columns(),
        row -> activate(ofRow[row], gateUp, row, activated, row));
    device.matmul(downJobs(activated, blocks, result), later);
    forEachRow(
        result.rows(),
        result.columns(),
        row -> {
          addDownBias(ofRow[row], result, row);
          finish.finish(result, row);
        });
  }

  private static BlockWeights[] weightsOfRows(List<Block> blocks, int rows) {
    BlockWeights[] ofRow = new BlockWeights[rows];
    int row = 0;
    for (Block block : blocks) {
      Arrays.fill(ofRow, row, row + block.rows().length, block.weights());
      row += block.rows().length;
    }
    return ofRow;
  }

  /** A part, on this thread alone. */
  private void compute(F32Matrix gateUp, Part part, F32Matrix result, RowFinish finish) {
    ScratchMatrix scratch = Optional.ofNullable(idle.poll()).orElseGet(ScratchMatrix::new);
    F32Matrix activated = scratch.of(part.count(), part.weights().intermediateSize());
    for (int i = 0; i < part.count(); i++) {
      activate(part.weights(), gateUp, part.first() + i, activated, i);
    }
    int[] all = IntStream.range(0, part.count()).toArray();
    device.matmulHere(new MatmulJob(part.weights().down(), activated, all, result, part.first()));
    for (int row = part.first(); row < part.first() + part.count(); row++) {
      addDownBias(part.weights(), result, row);
      finish.finish(result, row);
    }
    idle.add(scratch);
  }

  /** In the order of the blocks. */
  private static List<Part> parts(List<Block> blocks) {
    List<Part> parts = new ArrayList<>();
    int first = 0;
    for (Block block : blocks) {
      int end = first + block.rows().length;
      for (int row = first; row < end; row += TASK_ROWS) {
        parts.add(new Part(block.weights(), row, Math.min(TASK_ROWS, end - row)));
      }
      first = end;
    }
    return parts;
  }

  /** Calls {@code body} for each row, on the threads of the device. */
  private void forEachRow(int rows, int columns, IntConsumer body) {
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

  private void activate(
      BlockWeights weights, F32Matrix gateUp, int from, F32Matrix activated, int into) {
    weights.biases().ifPresent(biases -> addBias(biases.gateUp(), gateUp, from));
    long gate = gateUp.offset(from);
    long up = gate + (long) (gateUp.columns() - activated.columns()) * Float.BYTES;
    MemorySegment x = gateUp.segment();
    MemorySegment y = activated.segment();
    Kernels kernels = device.kernels();
    switch (weights.activation()) {
      case Activation.SwiGlu() ->
          kernels.siluMultiply(x, gate, x, up, activated.columns(), y, activated.offset(into));
      case Activation.ClampedSwiGlu clamped ->
          kernels.clampedSiluMultiply(
              clamped.alpha(),
              clamped.limit(),
              x,
              gate,
              x,
              up,
              activated.columns(),
              y,
              activated.offset(into));
      case Activation.SquaredRelu() ->
          kernels.squaredRelu(x, up, activated.columns(), y, activated.offset(into));
    }
  }

  private void addDownBias(BlockWeights weights, F32Matrix result, int row) {
    weights.biases().ifPresent(biases -> addBias(biases.down(), result, row));
  }

  private void addBias(F32Vector bias, F32Matrix into, int row) {
    device.kernels().add(bias.segment(), 0, bias.length(), into.segment(), into.offset(row));
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
}
