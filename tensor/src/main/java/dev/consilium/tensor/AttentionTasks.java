package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/**
 * Splits attention among threads:
 *
 * <ol>
 *   <li>Tiles of up to {@value #TILE_ROWS} rows, smaller where there are few tokens for many
 *       threads; a thread computes the segments of its tile one after another. Where there are many
 *       jobs of few tokens, a tile has several key/value heads, for the kernels fetch the keys of
 *       the next one while they compute.
 *   <li>If there are still too few tiles, which is decode of few long sequences, each segment of a
 *       tile is a task, and the tiles are finished in a second region.
 * </ol>
 *
 * <p>No choice made here changes a bit of a result.
 *
 * <p>Threading: any number of threads at once.
 */
final class AttentionTasks {
  /** Rows whose queries, outputs and weights stay in the second cache beside a span of keys. */
  private static final int TILE_ROWS = 64;

  /** Rows below which widening keys and values costs more than it saves. */
  private static final int LEAST_ROWS = 12;

  /** Tasks for each thread, so that long ones do not leave threads idle at the end. */
  private static final int TASKS_PER_THREAD = 4;

  private final Kernels kernels;
  private final ThreadTeam team;

  /** One for each thread that ever computed a tile at the same time as others. */
  private final Queue<AttentionMemory> idle = new ConcurrentLinkedQueue<>();

  AttentionTasks(Kernels kernels, ThreadTeam team) {
    this.kernels = kernels;
    this.team = team;
  }

  void run(List<AttentionJob> jobs) {
    List<AttentionTile> tiles = tiles(jobs, TASKS_PER_THREAD * team.threads());
    List<SegmentTask> segments = new ArrayList<>();
    if (tiles.size() < 2 * team.threads()) {
      segments(tiles, segments);
    }
    if (segments.size() > tiles.size()) {
      runSegments(segments);
    } else {
      team.run(tiles.size(), i -> run(tiles.get(i)));
    }
  }

  /** The longest tiles first: of the job with the most keys, and of its last tokens. */
  static List<AttentionTile> tiles(List<AttentionJob> jobs, int wanted) {
    long rows = 0;
    long scores = 0;
    for (AttentionJob job : jobs) {
      rows += (long) job.tokens() * job.shape().heads();
      scores += scores(job);
    }
    int mostRows = (int) Math.min(rows / wanted, TILE_ROWS);
    List<AttentionJob> longestFirst = new ArrayList<>(jobs);
    longestFirst.sort(Comparator.comparingInt((AttentionJob job) -> job.endKey(0)).reversed());
    List<AttentionTile> tiles = new ArrayList<>();
    for (AttentionJob job : longestFirst) {
      split(job, mostRows, scores / wanted, tiles);
    }
    return tiles;
  }

  /** How many products of a query and a key a job has at most. */
  private static long scores(AttentionJob job) {
    long rows = (long) job.tokens() * job.shape().heads();
    return rows * (job.endKey(job.tokens() - 1) - job.firstKey(0));
  }

  private static void split(
      AttentionJob job, int mostRows, long mostScores, List<AttentionTile> into) {
    int ofToken = job.shape().headsPerKvHead();
    int tokens = Math.clamp(Math.max(mostRows, LEAST_ROWS) / ofToken, 1, job.tokens());
    int all = job.shape().kvHeads();
    // A sequence that is longer than the others stays in pieces, or all would wait for it.
    long scoresOfHead = scores(job) * tokens / job.tokens() / all;
    long together = Math.min(mostRows / (tokens * ofToken), mostScores / scoresOfHead);
    int parts = Math.ceilDiv(all, Math.clamp(together, 1, all));
    for (int end = job.tokens(); end > 0; end -= tokens) {
      for (int i = 0; i < parts; i++) {
        int first = all * i / parts;
        int heads = all * (i + 1) / parts - first;
        into.add(new AttentionTile(job, first, heads, Math.max(0, end - tokens), end));
      }
    }
  }

  private void run(AttentionTile tile) {
    withMemory(memory -> run(kernels, tile, memory));
  }

  private void withMemory(Consumer<AttentionMemory> body) {
    AttentionMemory memory = Optional.ofNullable(idle.poll()).orElseGet(AttentionMemory::new);
    try {
      body.accept(memory);
    } finally {
      idle.add(memory);
    }
  }

  /** Computes a tile on this thread. */
  static void run(Kernels kernels, AttentionTile tile, AttentionMemory memory) {
    memory.prepare(tile);
    MemorySegment m = memory.memory();
    if (tile.endSegment() == tile.firstSegment() + 1) {
      kernels.attend(tile, tile.firstSegment(), m, m, memory.totalAt());
      AttentionStates.finishOnly(kernels, tile, m, memory.totalAt());
      return;
    }
    for (int segment = tile.firstSegment(); segment < tile.endSegment(); segment++) {
      kernels.attend(tile, segment, m, m, memory.statesAt());
      AttentionStates.add(kernels, tile, segment, m, memory.statesAt(), m, memory.totalAt());
    }
    AttentionStates.finish(kernels, tile, m, memory.totalAt());
  }

  /** A segment of a tile, and where its states go. */
  private record SegmentTask(AttentionTile tile, int segment, long statesAt) {}

  private static void segments(List<AttentionTile> tiles, List<SegmentTask> into) {
    long at = 0;
    for (AttentionTile tile : tiles) {
      for (int segment = tile.firstSegment(); segment < tile.endSegment(); segment++) {
        into.add(new SegmentTask(tile, segment, at));
        at += tile.rows() * AttentionStates.rowBytes(tile.shape());
      }
    }
  }

  private void runSegments(List<SegmentTask> tasks) {
    SegmentTask last = tasks.getLast();
    long bytes =
        last.statesAt() + last.tile().rows() * AttentionStates.rowBytes(last.tile().shape());
    List<SegmentTask> first =
        tasks.stream().filter(task -> task.segment() == task.tile().firstSegment()).toList();
    withMemory(ofAll -> {
      MemorySegment states = ofAll.prepare(bytes);
      team.run(tasks.size(), i -> withMemory(memory -> attend(tasks.get(i), memory, states)));
      team.run(first.size(), i -> withMemory(memory -> combine(first.get(i), memory, states)));
    });
  }

  private void attend(SegmentTask task, AttentionMemory memory, MemorySegment states) {
    memory.prepare(task.tile());
    kernels.attend(task.tile(), task.segment(), memory.memory(), states, task.statesAt());
  }

  private void combine(SegmentTask first, AttentionMemory memory, MemorySegment states) {
    AttentionTile tile = first.tile();
    memory.prepare(tile);
    long at = first.statesAt();
    for (int segment = tile.firstSegment(); segment < tile.endSegment(); segment++) {
      AttentionStates.add(kernels, tile, segment, states, at, memory.memory(), memory.totalAt());
      at += tile.rows() * AttentionStates.rowBytes(tile.shape());
    }
    AttentionStates.finish(kernels, tile, memory.memory(), memory.totalAt());
  }
}
