package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.PackedMatrix.PANEL_ROWS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The product of panels of weights and some tokens, on vectors. Each thread keeps one instance.
 *
 * <p>A panel is walked in chunks of columns. Between chunks the sums rest in memory, which changes
 * no bit: each output stays one chain over ascending columns.
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

  /** Read ahead after each tile: so much that 32 tiles read a chunk of f32. */
  private static final long TOUCH_BYTES = 1024;

  private static final long COLUMN_BYTES = PANEL_ROWS * 4L;

  /** Most machines with vectors of 8 lanes have 16 registers: half as many sums at a time. */
  private static final boolean NARROW_TILES = COUNT == 8;

  private static final ThreadLocal<VectorMatmul> OF_THREAD =
      ThreadLocal.withInitial(VectorMatmul::new);

  /** A chunk of a panel as f32. */
  private final MemorySegment widened =
      Arena.ofAuto().allocate(TILE_CHUNK * COLUMN_BYTES, F32Matrix.ALIGNMENT);

  private final WeightReader reader = new WeightReader();

  /** {@code [tokens][64]}. */
  private float[] sums = {};

  /** The weights that {@link #touch} has yet to read. */
  private long aheadAt;

  private long aheadEnd;

  private VectorMatmul() {}

  static void multiply(MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    VectorMatmul scratch = OF_THREAD.get();
    for (int panel = firstPanel; panel < endPanel; panel++) {
      scratch.multiplyPanel(job, panel, firstToken, endToken);
    }
  }

  private void multiplyPanel(MatmulJob job, int panel, int firstToken, int endToken) {
    int tokens = endToken - firstToken;
    if (sums.length < tokens * PANEL_ROWS) {
      sums = new float[tokens * PANEL_ROWS];
    }
    Arrays.fill(sums, 0, tokens * PANEL_ROWS, 0f);
    if (tokens == 1) {
      multiplyOne(job, panel, firstToken);
    } else {
      multiplyMany(job, panel, firstToken, endToken);
    }
    int rows = job.weights().rowsOfPanel(panel);
    for (int i = 0; i < tokens; i++) {
      long at = job.yOffset(firstToken + i) + panel * COLUMN_BYTES;
      MemorySegment.copy(sums, i * PANEL_ROWS, job.y().segment(), JAVA_FLOAT, at, rows);
    }
  }

  private void multiplyOne(MatmulJob job, int panel, int token) {
    PackedMatrix weights = job.weights();
    MemorySegment w = weights.segment();
    MemorySegment x = job.x().segment();
    for (int k = 0; k < weights.columns(); k += DECODE_CHUNK) {
      int count = Math.min(DECODE_CHUNK, weights.columns() - k);
      long wAt = panel * weights.panelBytes() + weights.columnsBytes(k);
      long xAt = job.xOffset(token) + k * 4L;
      switch (weights.dtype()) {
        case F32 -> tileOfOne(weights.rowsOfPanel(panel), w, wAt, count, x, xAt, 0);
        case BF16 -> Bf16Panels.multiply(w, wAt, count, x, xAt, sums);
        case F16 -> F16Panels.multiply(w, wAt, count, x, xAt, sums);
        case F8_BLOCKS, F4_BLOCKS -> multiplyOneNarrow(weights, panel, w, wAt, count, x, xAt);
        default -> throw unexpected(weights);
      }
    }
  }

  private void multiplyMany(MatmulJob job, int panel, int firstToken, int endToken) {
    PackedMatrix weights = job.weights();
    MemorySegment w = weights.segment();
    for (int k = 0; k < weights.columns(); k += TILE_CHUNK) {
      int count = Math.min(TILE_CHUNK, weights.columns() - k);
      long wAt = panel * weights.panelBytes() + weights.columnsBytes(k);
      // Panels lie one after another, so the bytes behind a chunk are what is needed next.
      aheadAt = wAt + weights.columnsBytes(count);
      aheadEnd = Math.min(aheadAt + weights.columnsBytes(TILE_CHUNK), w.byteSize());
      switch (weights.dtype()) {
        case F32 -> tiles(job, panel, k, count, w, wAt, firstToken, endToken);
        case BF16 -> {
          Bf16Panels.widen(w, wAt, count, widened);
          tiles(job, panel, k, count, widened, 0, firstToken, endToken);
        }
        case F16 -> {
          F16Panels.widen(w, wAt, count, widened);
          tiles(job, panel, k, count, widened, 0, firstToken, endToken);
        }
        case F8_BLOCKS, F4_BLOCKS -> {
          NarrowPanels.widen(weights.dtype(), w, wAt, count, widened);
          tiles(job, panel, k, count, widened, 0, firstToken, endToken);
        }
        default -> throw unexpected(weights);
      }
    }
  }

  /** Widening takes longer than the product: it is done by the chunk, as for many tokens. */
  private void multiplyOneNarrow(
      PackedMatrix weights,
      int panel,
      MemorySegment w,
      long wAt,
      int count,
      MemorySegment x,
      long xAt) {
    DType dtype = weights.dtype();
    for (int k = 0; k < count; k += TILE_CHUNK) {
      int columns = Math.min(TILE_CHUNK, count - k);
      NarrowPanels.widen(dtype, w, wAt + NarrowPanels.bytes(dtype, k), columns, widened);
      tileOfOne(weights.rowsOfPanel(panel), widened, 0, columns, x, xAt + k * 4L, 0);
    }
  }

  private static IllegalArgumentException unexpected(PackedMatrix weights) {
    return new IllegalArgumentException(weights.dtype() + " is not a floating point type");
  }

  private void tiles(
      MatmulJob job,
      int panel,
      int k,
      int count,
      MemorySegment w,
      long wAt,
      int firstToken,
      int endToken) {
    int rows = job.weights().rowsOfPanel(panel);
    MemorySegment x = job.x().segment();
    int token = firstToken;
    int at = 0;
    for (; token + 4 <= endToken; token += 4) {
      tileOfFour(job, rows, k, count, w, wAt, token, at);
      touch(job.weights().segment());
      at += 4 * PANEL_ROWS;
    }
    if (token + 2 <= endToken) {
      long x0 = job.xOffset(token) + k * 4L;
      tileOfTwo(rows, w, wAt, count, x, x0, job.xOffset(token + 1) + k * 4L, at);
      token += 2;
      at += 2 * PANEL_ROWS;
    }
    if (token < endToken) {
      tileOfOne(rows, w, wAt, count, x, job.xOffset(token) + k * 4L, at);
    }
  }

  /**
   * Reads ahead into the cache, a little after every tile: otherwise the first tile of each chunk
   * would wait for memory.
   */
  private void touch(MemorySegment w) {
    long end = Math.min(aheadAt + TOUCH_BYTES, aheadEnd);
    reader.read(w, aheadAt, end);
    aheadAt = end;
  }

  private void tileOfFour(
      MatmulJob job, int rows, int k, int count, MemorySegment w, long wAt, int token, int at) {
    MemorySegment x = job.x().segment();
    long x0 = job.xOffset(token) + k * 4L;
    long x1 = job.xOffset(token + 1) + k * 4L;
    long x2 = job.xOffset(token + 2) + k * 4L;
    long x3 = job.xOffset(token + 3) + k * 4L;
    if (NARROW_TILES || rows <= 2 * COUNT) {
      for (int row = 0; row < rows; row += 2 * COUNT) {
        F32Panels.multiply4Narrow(w, wAt + row * 4L, count, x, x0, x1, x2, x3, sums, at + row);
      }
    } else {
      for (int row = 0; row < rows; row += 4 * COUNT) {
        F32Panels.multiply4(w, wAt + row * 4L, count, x, x0, x1, x2, x3, sums, at + row);
      }
    }
  }

  private void tileOfTwo(
      int rows, MemorySegment w, long wAt, int count, MemorySegment x, long x0, long x1, int at) {
    for (int row = 0; row < rows; row += 4 * COUNT) {
      F32Panels.multiply2(w, wAt + row * 4L, count, x, x0, x1, sums, at + row);
    }
  }

  private void tileOfOne(
      int rows, MemorySegment w, long wAt, int count, MemorySegment x, long x0, int at) {
    for (int row = 0; row < rows; row += 4 * COUNT) {
      F32Panels.multiply1(w, wAt + row * 4L, count, x, x0, sums, at + row);
    }
  }
}
