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

  /** Columns that make a task. */
  private static final int TASK_COLUMNS = 1 << 12;

  /**
   * Where the rows of a matrix have their blocks: for each row the place and {@code callsBefore} of
   * its call together, so that what is left from earlier calls is too low, and nothing is cleared.
   */
  private final IdentityHashMap<F32Matrix, long[]> placesOfRows = new IdentityHashMap<>();

  /** Arrays for other matrices. */
  private final List<long[]> spare = new ArrayList<>();

  private final List<Row> rows = new ArrayList<>();
  private final List<QuantisedTokens> ofJobs = new ArrayList<>();
  private MemorySegment blocks = MemorySegment.NULL;
  private MemorySegment offsets = MemorySegment.NULL;
  private long blockBytes;

  /** Bytes of blocks in the calls before, all together. */
  private long callsBefore;

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
      tokens += job.tokens();
    }
    offsets = grown(offsets, tokens * 8);
    long[] places = new long[jobs.size()];
    long end = 0;
    for (int i = 0; i < places.length; i++) {
      if (i > 0 && sameTokens(jobs.get(i - 1), jobs.get(i))) {
        places[i] = places[i - 1];
      } else {
        places[i] = end;
        end = locate(jobs.get(i), end);
      }
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
        && quantised(last) == quantised(job);
  }

  private static boolean quantised(MatmulJob job) {
    return job.weights().dtype().quantised();
  }

  /** Forgets the jobs, and with them their matrices. */
  void clear() {
    spare.addAll(placesOfRows.values());
    placesOfRows.clear();
    rows.clear();
    ofJobs.clear();
    callsBefore += blockBytes;
    blockBytes = 0;
  }

  /** Writes the offsets of a job's tokens from {@code at} on; returns where the next ones go. */
  private long locate(MatmulJob job, long at) {
    if (!quantised(job)) {
      return at;
    }
    long[] places = placesOf(job.x());
    for (int row : job.xRows()) {
      offsets.set(JAVA_LONG, at, blocksAt(job.x(), row, places));
      at += 8;
    }
    return at;
  }

  private long[] placesOf(F32Matrix x) {
    long[] places = placesOfRows.get(x);
    if (places == null) {
      places = spare.isEmpty() ? new long[0] : spare.removeLast();
      if (places.length < x.rows()) {
        places = new long[x.rows()];
        Arrays.fill(places, -1);
      }
      placesOfRows.put(x, places);
    }
    return places;
  }

  /** Where the blocks of a row are, after this if they are not there yet. */
  private long blocksAt(F32Matrix x, int row, long[] places) {
    long at = places[row] - callsBefore;
    if (at < 0) {
      at = blockBytes;
      places[row] = callsBefore + at;
      rows.add(new Row(x, row, at));
      blockBytes += QuantisedTokens.rowBytes(x.columns());
    }
    return at;
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
