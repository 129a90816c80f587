package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.ALL;
import static dev.consilium.tensor.TileMemory.CHUNK_OF_FEW;
import static dev.consilium.tensor.TileMemory.DOTS_AT;
import static dev.consilium.tensor.TileMemory.PANEL_BYTES;
import static dev.consilium.tensor.TileMemory.ROWS_BYTES;
import static dev.consilium.tensor.TileMemory.SCALES_AT;
import static dev.consilium.tensor.TileMemory.TO_MINIMA;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jdk.incubator.vector.VectorOperators.I2F;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Quantised products on vectors. Each thread keeps one instance.
 *
 * <p>A panel is walked in chunks of columns; between chunks the sums rest in memory.
 *
 * <ul>
 *   <li>Few tokens are bound by memory, which is read ahead: the dot products of a chunk's blocks
 *       are taken in integers ({@link QuantDots}), then scaled and added.
 *   <li>For more tokens {@link QuantTiles} takes several panels at once.
 * </ul>
 */
final class VectorQuant {
  /** From so many tokens on, widening weights for tiles is worth it. */
  private static final int MANY = 4;

  private static final int ROWS = QuantLayout.ROWS;

  /** What is added to round to the nearest integer, ties to even: 1.5 * 2^23. */
  private static final float ROUNDER = 0x1.8p23f;

  private static final ThreadLocal<VectorQuant> OF_THREAD =
      ThreadLocal.withInitial(VectorQuant::new);

  private final float[] sums = new float[(MANY - 1) * ROWS];
  private final QuantTiles tiles = new QuantTiles();
  private final WeightReader reader = new WeightReader();

  /** The tokens' blocks as ints, and what {@link QuantDots} made of them. */
  private int[] raw = {};

  private int[] evens = {};
  private int[] odds = {};
  private int[] inOrder = {};

  /** Whose these are: tasks that follow one another take other panels and the same tokens. */
  private Optional<QuantisedTokens> held = Optional.empty();

  private DType heldFor = DType.F32;
  private int heldFrom;
  private int heldTo;

  /** The slot of {@link TileMemory} while a product is computed, and after it the first to try. */
  private int slot;

  private VectorQuant() {}

  static void quantise(MemorySegment x, long xOffset, int n, MemorySegment into, long at) {
    int[] quants = new int[QuantLayout.BLOCK];
    for (int i = 0; i < n; i += QuantLayout.BLOCK) {
      long block = at + (long) i / QuantLayout.BLOCK * QuantBlock.BYTES;
      quantiseBlock(x, xOffset + i * 4L, into, block, quants);
    }
  }

  private static void quantiseBlock(
      MemorySegment x, long xAt, MemorySegment into, long at, int[] quants) {
    IntVector most = IntVector.zero(INTS);
    for (int i = 0; i < QuantLayout.BLOCK; i += COUNT) {
      most = most.max(IntVector.fromMemorySegment(INTS, x, xAt + i * 4L, ORDER).and(0x7fff_ffff));
    }
    float largest = Float.intBitsToFloat(most.reduceLanes(VectorOperators.MAX));
    float inverse = ScalarQuant.inverse(largest);
    if (inverse == 0f) {
      ScalarQuant.quantiseBlock(x, xAt, into, at);
      return;
    }
    int sum0 = 0;
    int sum1 = 0;
    for (int i = 0; i < QuantLayout.BLOCK; i += COUNT) {
      IntVector q =
          FloatVector.fromMemorySegment(FLOATS, x, xAt + i * 4L, ORDER)
              .mul(inverse)
              .add(ROUNDER)
              .reinterpretAsInts()
              .sub(Float.floatToRawIntBits(ROUNDER));
      q.intoArray(quants, i);
      int sum = q.reduceLanes(VectorOperators.ADD);
      sum0 += i < 16 ? sum : 0;
      sum1 += i < 16 ? 0 : sum;
    }
    for (int i = 0; i < QuantLayout.BLOCK; i += 4) {
      int four =
          (quants[i] & 0xff)
              | (quants[i + 1] & 0xff) << 8
              | (quants[i + 2] & 0xff) << 16
              | quants[i + 3] << 24;
      into.set(QuantLayout.STORED_INT, at + i, four);
    }
    ScalarQuant.finishBlock(largest, sum0, sum1, into, at);
  }

  static void multiply(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    VectorQuant scratch = OF_THREAD.get();
    scratch.slot = TileMemory.take(scratch.slot);
    try {
      if (endToken - firstToken >= MANY) {
        scratch.tiles.multiply(
            scratch.slot, job, tokens, firstPanel, endPanel, firstToken, endToken);
      } else {
        scratch.hold(job.weights(), tokens, firstToken, endToken);
        for (int panel = firstPanel; panel < endPanel; panel++) {
          scratch.multiplyPanel(job, panel, firstToken, endToken);
        }
      }
    } finally {
      TileMemory.giveBack(scratch.slot);
    }
  }

  /** Makes the factors of some tokens, if these are not what is held: told apart by identity. */
  @SuppressWarnings("ReferenceEquality")
  private void hold(PackedMatrix weights, QuantisedTokens tokens, int firstToken, int endToken) {
    QuantLayout layout = weights.quantLayout();
    if (held.isPresent()
        && held.get() == tokens
        && heldFor == layout.dtype()
        && heldFrom == firstToken
        && heldTo == endToken) {
      return;
    }
    held = Optional.empty(); // until all is done
    int perToken = weights.columns() / 2;
    int size = (endToken - firstToken) * perToken;
    if (raw.length < size) {
      raw = new int[size];
      evens = new int[size];
      odds = new int[size];
      inOrder = new int[size / 16 * QuantDots.BYTE_FACTORS];
    }
    for (int token = firstToken; token < endToken; token++) {
      int to = (token - firstToken) * perToken;
      MemorySegment.copy(tokens.blocks(), JAVA_INT, tokens.offset(token), raw, to, perToken);
    }
    QuantDots.factors(layout, raw, size, evens, odds, inOrder);
    held = Optional.of(tokens);
    heldFor = layout.dtype();
    heldFrom = firstToken;
    heldTo = endToken;
  }

  private void multiplyPanel(MatmulJob job, int panel, int firstToken, int endToken) {
    PackedMatrix weights = job.weights();
    QuantLayout layout = weights.quantLayout();
    long panelAt = panel * weights.panelBytes();
    int blocks = weights.columns() / QuantLayout.BLOCK;
    long slotAt = TileMemory.at(slot);
    long scales = slotAt + SCALES_AT;
    long dots = slotAt + DOTS_AT;
    Arrays.fill(sums, 0f);
    for (int from = 0; from < blocks; from += CHUNK_OF_FEW) {
      int count = Math.min(CHUNK_OF_FEW, blocks - from);
      QuantScales.widen(layout, weights.segment(), panelAt, from, count, scales);
      long at = panelAt + layout.headerBytes(weights.columns()) + from * (long) layout.quantBytes();
      reader.ensure(weights.segment(), at, count * (long) layout.quantBytes());
      for (int token = 0; token < endToken - firstToken; token++) {
        int x = (token * blocks + from) * 16;
        startDots(layout, count, x, dots);
        addDots(layout, weights.segment(), at, count, x, dots);
        add(layout, count, x, dots, scales, token * ROWS);
      }
    }
    int rows = weights.rowsOfPanel(panel);
    for (int token = firstToken; token < endToken; token++) {
      long at = job.yOffset(token) + panel * (long) ROWS * Float.BYTES;
      MemorySegment.copy(
          sums, (token - firstToken) * ROWS, job.y().segment(), JAVA_FLOAT, at, rows);
    }
  }

  /** Every dot product starts from what the offset of the quants adds to it. */
  private void startDots(QuantLayout layout, int count, int x, long dots) {
    int groups = count * QuantLayout.BLOCK / layout.groupColumns();
    for (int group = 0; group < groups; group++) {
      int start =
          switch (layout.dtype()) {
            case Q4_0 -> raw[x + group * 16 + 10];
            case Q5_0 -> raw[x + group * 16 + 12];
            case Q6_K -> raw[x + group / 2 * 16 + 14 + group % 2];
            default -> 0;
          };
      for (int row = 0; row < ROWS; row += COUNT) {
        long at = dots + group * PANEL_BYTES + row * 4L;
        IntVector.broadcast(INTS, start).intoMemorySegment(ALL, at, ORDER);
      }
    }
  }

  private void addDots(QuantLayout layout, MemorySegment w, long at, int count, int x, long dots) {
    switch (layout.dtype()) {
      case Q8_0 -> QuantDots.ofBytes(w, at, count, inOrder, x / 16 * QuantDots.BYTE_FACTORS, dots);
      case Q4_0, Q4_K -> QuantDots.ofNibbles(w, at, count, inOrder, x, dots);
      case Q5_0, Q5_K -> QuantDots.ofFiveBits(w, at, count, evens, odds, x, dots);
      case Q6_K -> QuantDots.ofSixBits(w, at, count, evens, odds, x, dots);
      case MXFP4 -> QuantDots.ofCodes(w, at, count, evens, odds, x, dots);
      case F32, BF16, F16, F8_BLOCKS, F4_BLOCKS ->
          throw new IllegalArgumentException(layout.dtype() + " is not quantised");
    }
  }

  private void add(QuantLayout layout, int count, int x, long dots, long scales, int at) {
    if (layout.hasMinimum()) {
      addWithMinima(count, raw, x, dots, scales, sums, at);
    } else {
      int perBlock = QuantLayout.BLOCK / layout.groupColumns();
      addScaled(count, perBlock, raw, x, dots, scales, sums, at);
    }
  }

  private static void addScaled(
      int count, int perBlock, int[] raw, int x, long dots, long scales, float[] sums, int at) {
    for (int row = 0; row < ROWS; row += COUNT) {
      FloatVector sum = FloatVector.fromArray(FLOATS, sums, at + row);
      for (int b = 0; b < count * perBlock; b++) {
        long own = scales + b * ROWS_BYTES + row * 4L;
        float scale = Float.intBitsToFloat(raw[x + b / perBlock * 16 + 8]);
        long dotAt = dots + b * PANEL_BYTES + row * 4L;
        FloatVector dot =
            (FloatVector) IntVector.fromMemorySegment(INTS, ALL, dotAt, ORDER).convert(I2F, 0);
        sum = dot.fma(FloatVector.fromMemorySegment(FLOATS, ALL, own, ORDER).mul(scale), sum);
      }
      sum.intoArray(sums, at + row);
    }
  }

  private static void addWithMinima(
      int count, int[] raw, int x, long dots, long scales, float[] sums, int at) {
    for (int row = 0; row < ROWS; row += COUNT) {
      FloatVector sum = FloatVector.fromArray(FLOATS, sums, at + row);
      for (int b = 0; b < count; b++) {
        float scale = Float.intBitsToFloat(raw[x + b * 16 + 8]);
        float taken = Float.intBitsToFloat(raw[x + b * 16 + 9]);
        long dotAt = dots + b * PANEL_BYTES + row * 4L;
        FloatVector dot =
            (FloatVector) IntVector.fromMemorySegment(INTS, ALL, dotAt, ORDER).convert(I2F, 0);
        long own = scales + b * ROWS_BYTES + row * 4L;
        sum = dot.fma(FloatVector.fromMemorySegment(FLOATS, ALL, own, ORDER).mul(scale), sum);
        sum =
            FloatVector.fromMemorySegment(FLOATS, ALL, own + TO_MINIMA, ORDER)
                .fma(FloatVector.broadcast(FLOATS, taken), sum);
      }
      sum.intoArray(sums, at + row);
    }
  }
}
