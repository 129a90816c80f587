package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * Quantises the activations that some jobs multiply with quantised weights: every row once, however
 * many jobs and tokens use it. Keeps its memory for the next call; it grows to what the largest
 * call needed.
 *
 * <p>Threading: one call at a time.
 */
final class QuantisedActivations {
  /** Columns of all rows together from which on quantising is worth a parallel region. */
  private static final long PARALLEL_COLUMNS = 1 << 14;

  /** Tokens that are found again by looking through all, with nothing to set up. */
  private static final int FEW = 32;

  /** Columns that make a task. */
  private static final int TASK_COLUMNS = 1 << 12;

  private final IdentityHashMap<F32Matrix, long[]> rowsOfMatrix = new IdentityHashMap<>();
  private final List<Row> rows = new ArrayList<>();
  private final List<QuantisedTokens> ofJobs = new ArrayList<>();
  private MemorySegment blocks = MemorySegment.NULL;
  private MemorySegment offsets = MemorySegment.NULL;
  private long blockBytes;

  /** A row of activations, and where its blocks go. */
  private record Row(F32Matrix x, int row, long blocksAt) {}

  /**
   * Quantises what the jobs need and says for each job where it is, in their order; jobs of other
   * weights get no tokens. Holds until the next call.
   */
  List<QuantisedTokens> prepare(List<MatmulJob> jobs, Kernels kernels, ThreadTeam team) {
    locate(jobs);
    quantise(kernels, team);
    return ofJobs;
  }

  /** The same for one job of quantised weights, on this thread alone. */
  QuantisedTokens prepare(MatmulJob job, Kernels kernels) {
    locate(List.of(job));
    quantise(kernels, 0, rows.size());
    return ofJobs.getFirst();
  }

  private void locate(List<MatmulJob> jobs) {
    clear();
    long tokens = 0;
    for (MatmulJob job : jobs) {
      tokens += tokensOf(job);
    }
    offsets = grown(offsets, tokens * 8);
    long[] places = new long[jobs.size()];
    long end = 0;
    for (int i = 0; i < jobs.size(); i++) {
      MatmulJob job = jobs.get(i);
      if (i > 0 && sameTokens(jobs.get(i - 1), job)) {
        places[i] = places[i - 1];
        continue;
      }
      places[i] = end;
      if (tokensOf(job) > 0 && tokens <= FEW) {
        locateAmongFew(job, end);
      } else if (tokensOf(job) > 0) {
        locateAmongMany(job, end);
      }
      end += tokensOf(job) * 8L;
    }
    blocks = grown(blocks, blockBytes);
    long version = QuantisedTokens.newVersion();
    for (long place : places) {
      ofJobs.add(new QuantisedTokens(blocks, offsets, place, version));
    }
  }

  /** As of the parts of a stacked matrix: kernels see that nothing has changed. */
  private static boolean sameTokens(MatmulJob last, MatmulJob job) {
    return last.x() == job.x()
        && Arrays.equals(last.xRows(), job.xRows())
        && tokensOf(last) == tokensOf(job);
  }

  /** Forgets the jobs, and with them their matrices. */
  void clear() {
    rowsOfMatrix.clear();
    rows.clear();
    ofJobs.clear();
    blockBytes = 0;
  }

  private static int tokensOf(MatmulJob job) {
    return job.weights().dtype().quantised() ? job.tokens() : 0;
  }

  private void locateAmongFew(MatmulJob job, long at) {
    for (int row : job.xRows()) {
      offsets.set(JAVA_LONG, at, amongFew(job.x(), row));
      at += 8;
    }
  }

  private long amongFew(F32Matrix x, int row) {
    for (int i = rows.size() - 1; i >= 0; i--) {
      Row known = rows.get(i);
      if (known.x() == x && known.row() == row) {
        return known.blocksAt();
      }
    }
    return add(x, row);
  }

  private void locateAmongMany(MatmulJob job, long at) {
    F32Matrix x = job.x();
    long[] known = rowsOfMatrix.computeIfAbsent(x, QuantisedActivations::unknownRows);
    for (int row : job.xRows()) {
      if (known[row] < 0) {
        known[row] = add(x, row);
      }
      offsets.set(JAVA_LONG, at, known[row]);
      at += 8;
    }
  }

  private long add(F32Matrix x, int row) {
    long at = blockBytes;
    rows.add(new Row(x, row, at));
    blockBytes += QuantisedTokens.rowBytes(x.columns());
    return at;
  }

  private static long[] unknownRows(F32Matrix x) {
    long[] rows = new long[x.rows()];
    Arrays.fill(rows, -1);
    return rows;
  }

  private static MemorySegment grown(MemorySegment memory, long bytes) {
    if (memory.byteSize() >= bytes) {
      return memory;
    }
    return LargeMemory.allocate(Arena.ofAuto(), bytes + bytes / 4);
  }

  private void quantise(Kernels kernels, ThreadTeam team) {
    if (blockBytes / QuantBlock.BYTES * QuantLayout.BLOCK < PARALLEL_COLUMNS) {
      quantise(kernels, 0, rows.size());
      return;
    }
    int step = Math.max(1, TASK_COLUMNS / rows.getFirst().x().columns());
    int tasks = (rows.size() + step - 1) / step;
    team.runStretches(
        tasks, task -> quantise(kernels, task * step, Math.min((task + 1) * step, rows.size())));
  }

  private void quantise(Kernels kernels, int from, int end) {
    for (Row row : rows.subList(from, end)) {
      F32Matrix x = row.x();
      kernels.quantise(x.segment(), x.offset(row.row()), x.columns(), blocks, row.blocksAt());
    }
  }
}
