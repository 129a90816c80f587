package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.BYTES;
import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.PackedMatrix.PANEL_ROWS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The product of one panel of weights and some tokens, on vectors. Used by one thread, once.
 *
 * <p>The panel is walked in chunks of columns. Between chunks the sums rest in memory, which
 * changes no bit: each output stays one chain over ascending columns.
 *
 * <ul>
 *   <li>One token is bound by memory: the weights are widened in registers and used once.
 *   <li>For more tokens a chunk is widened once into scratch memory that fits the innermost cache,
 *       and used for up to four tokens at a time.
 * </ul>
 */
final class VectorMatmul {
  /** Columns of a chunk that is used once: no call runs for long. */
  private static final int DECODE_CHUNK = 1024;

  /** Columns of a chunk that is used for many tokens: 32 KiB of f32. */
  private static final int TILE_CHUNK = 128;

  private static final long ROW_BYTES = PANEL_ROWS * 4L;

  /** Most machines with vectors of 8 lanes have 16 registers: half as many sums at a time. */
  private static final boolean NARROW_TILES = COUNT == 8;

  private static final ThreadLocal<MemorySegment> WIDENED =
      ThreadLocal.withInitial(
          () -> Arena.ofAuto().allocate(TILE_CHUNK * ROW_BYTES, F32Matrix.ALIGNMENT));

  private final MatmulJob job;
  private final PackedMatrix weights;
  private final int panel;
  private final int firstToken;
  private final int endToken;
  private final MemorySegment x;

  /** Where the sums are: y itself, or memory beside it for the last panel if it is not full. */
  private final MemorySegment sums;

  private final long sumsAt;
  private final long sumsStride;

  private VectorMatmul(MatmulJob job, int panel, int firstToken, int endToken) {
    this.job = job;
    this.weights = job.weights();
    this.panel = panel;
    this.firstToken = firstToken;
    this.endToken = endToken;
    this.x = job.x().segment();
    if (weights.rowsOfPanel(panel) == PANEL_ROWS) {
      this.sums = job.y().segment();
      this.sumsAt = job.yOffset(firstToken) + panel * ROW_BYTES;
      this.sumsStride = job.y().rowStrideBytes();
    } else {
      int tokens = endToken - firstToken;
      this.sums = Arena.ofAuto().allocate(tokens * ROW_BYTES, F32Matrix.ALIGNMENT);
      this.sumsAt = 0;
      this.sumsStride = ROW_BYTES;
    }
  }

  static void multiply(MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    if (firstToken == endToken) {
      return;
    }
    for (int panel = firstPanel; panel < endPanel; panel++) {
      new VectorMatmul(job, panel, firstToken, endToken).run();
    }
  }

  private void run() {
    for (int token = firstToken; token < endToken; token++) {
      sums.asSlice(sumsOffset(token), ROW_BYTES).fill((byte) 0);
    }
    if (endToken - firstToken == 1) {
      multiplyOne();
    } else {
      multiplyMany();
    }
    if (weights.rowsOfPanel(panel) < PANEL_ROWS) {
      copySums();
    }
  }

  private long sumsOffset(int token) {
    return sumsAt + (token - firstToken) * sumsStride;
  }

  private long weightOffset(int column) {
    return panel * weights.panelBytes() + column * weights.columnBytes();
  }

  private void copySums() {
    long bytes = weights.rowsOfPanel(panel) * 4L;
    for (int token = firstToken; token < endToken; token++) {
      long at = job.yOffset(token) + panel * ROW_BYTES;
      MemorySegment.copy(sums, sumsOffset(token), job.y().segment(), at, bytes);
    }
  }

  private void multiplyOne() {
    MemorySegment w = weights.segment();
    for (int k = 0; k < weights.columns(); k += DECODE_CHUNK) {
      int count = Math.min(DECODE_CHUNK, weights.columns() - k);
      long wAt = weightOffset(k);
      long xAt = job.xOffset(firstToken) + k * 4L;
      switch (weights.dtype()) {
        case F32 -> tileOfOne(w, wAt, count, xAt, firstToken);
        case BF16 -> Bf16Panels.multiply(w, wAt, count, x, xAt, sums, sumsAt);
        case F16 -> F16Panels.multiply(w, wAt, count, x, xAt, sums, sumsAt);
      }
    }
  }

  private void multiplyMany() {
    MemorySegment widened = WIDENED.get();
    for (int k = 0; k < weights.columns(); k += TILE_CHUNK) {
      int count = Math.min(TILE_CHUNK, weights.columns() - k);
      switch (weights.dtype()) {
        case F32 -> tiles(weights.segment(), weightOffset(k), k, count);
        case BF16 -> {
          Bf16Panels.widen(weights.segment(), weightOffset(k), count, widened);
          tiles(widened, 0, k, count);
        }
        case F16 -> {
          F16Panels.widen(weights.segment(), weightOffset(k), count, widened);
          tiles(widened, 0, k, count);
        }
      }
    }
  }

  private void tiles(MemorySegment w, long wAt, int k, int count) {
    int token = firstToken;
    for (; token + 4 <= endToken; token += 4) {
      tileOfFour(w, wAt, k, count, token);
    }
    if (token + 2 <= endToken) {
      tileOfTwo(w, wAt, k, count, token);
      token += 2;
    }
    if (token < endToken) {
      tileOfOne(w, wAt, count, job.xOffset(token) + k * 4L, token);
    }
  }

  private void tileOfFour(MemorySegment w, long wAt, int k, int count, int token) {
    long x0 = job.xOffset(token) + k * 4L;
    long x1 = job.xOffset(token + 1) + k * 4L;
    long x2 = job.xOffset(token + 2) + k * 4L;
    long x3 = job.xOffset(token + 3) + k * 4L;
    long at = sumsOffset(token);
    if (NARROW_TILES) {
      for (long row = 0; row < ROW_BYTES; row += 2 * BYTES) {
        F32Panels.multiply4Narrow(
            w, wAt + row, count, x, x0, x1, x2, x3, sums, at + row, sumsStride);
      }
    } else {
      for (long row = 0; row < ROW_BYTES; row += 4 * BYTES) {
        F32Panels.multiply4(w, wAt + row, count, x, x0, x1, x2, x3, sums, at + row, sumsStride);
      }
    }
  }

  private void tileOfTwo(MemorySegment w, long wAt, int k, int count, int token) {
    long x0 = job.xOffset(token) + k * 4L;
    long x1 = job.xOffset(token + 1) + k * 4L;
    long at = sumsOffset(token);
    for (long row = 0; row < ROW_BYTES; row += 4 * BYTES) {
      F32Panels.multiply2(w, wAt + row, count, x, x0, x1, sums, at + row, sumsStride);
    }
  }

  private void tileOfOne(MemorySegment w, long wAt, int count, long xAt, int token) {
    long at = sumsOffset(token);
    for (long row = 0; row < ROW_BYTES; row += 4 * BYTES) {
      F32Panels.multiply1(w, wAt + row, count, x, xAt, sums, at + row);
    }
  }
}
