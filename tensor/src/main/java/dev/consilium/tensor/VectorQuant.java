package dev.consilium.tensor;

import static dev.consilium.tensor.Lanes.COUNT;
import static dev.consilium.tensor.Lanes.FLOATS;
import static dev.consilium.tensor.Lanes.INTS;
import static dev.consilium.tensor.Lanes.ORDER;
import static dev.consilium.tensor.TileMemory.CHUNK_OF_FEW;
import static dev.consilium.tensor.TileMemory.DOTS_AT;
import static dev.consilium.tensor.TileMemory.SCALES_AT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

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

  /** What {@link QuantDots} multiplies weights with. */
  private int[] evens = {};

  private int[] odds = {};
  private int[] inOrder = {};

  /** What {@link QuantSums} does with their dot products, for the groups of all tokens. */
  private int[] terms = {};

  /** The tokens' blocks as ints, while these are made. */
  private int[] raw = {};

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
      evens = new int[size];
      odds = new int[size];
      inOrder = new int[size / 16 * QuantDots.BYTE_FACTORS];
      terms = new int[size / 16 * 2 * QuantSums.TERMS];
      raw = new int[size]; // last, for its length is asked
    }
    for (int token = firstToken; token < endToken; token++) {
      int to = (token - firstToken) * perToken;
      MemorySegment.copy(tokens.blocks(), JAVA_INT, tokens.offset(token), raw, to, perToken);
    }
    QuantDots.factors(layout, raw, size, evens, odds, inOrder);
    QuantSums.terms(layout, raw, size / 16, terms);
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
    Arrays.fill(sums, 0f);
    for (int from = 0; from < blocks; from += CHUNK_OF_FEW) {
      int count = Math.min(CHUNK_OF_FEW, blocks - from);
      long at = panelAt + layout.headerBytes(weights.columns()) + from * (long) layout.quantBytes();
      long first = from == 0 ? panelAt : at; // with the header
      reader.ensure(weights.segment(), first, at + count * (long) layout.quantBytes() - first);
      if (!(layout instanceof PlainLayout)) {
        long scales = TileMemory.at(slot) + SCALES_AT;
        QuantScales.widen(layout, weights.segment(), panelAt, from, count, scales);
      }
      for (int token = 0; token < endToken - firstToken; token++) {
        int block = token * blocks + from;
        dots(layout, weights.segment(), at, count, block);
        add(layout, weights.segment(), panelAt, from, count, block, token * ROWS);
      }
    }
    int rows = weights.rowsOfPanel(panel);
    for (int token = firstToken; token < endToken; token++) {
      long at = job.yOffset(token) + panel * (long) ROWS * Float.BYTES;
      MemorySegment.copy(
          sums, (token - firstToken) * ROWS, job.y().segment(), JAVA_FLOAT, at, rows);
    }
  }

  /**
   * The dot products of some blocks.
   *
   * @param at where their quants are in w
   * @param block the first one, of all tokens'
   */
  private void dots(QuantLayout layout, MemorySegment w, long at, int count, int block) {
    long dots = TileMemory.at(slot) + DOTS_AT;
    int x = block * 16;
    switch (layout.dtype()) {
      case Q8_0 -> QuantDots.ofBytes(w, at, count, inOrder, block * QuantDots.BYTE_FACTORS, dots);
      case Q4_0, Q4_K -> QuantDots.ofNibbles(w, at, count, inOrder, x, dots);
      case Q5_0, Q5_K -> QuantDots.ofFiveBits(w, at, count, evens, odds, x, dots);
      case Q6_K -> QuantDots.ofSixBits(w, at, count, evens, odds, x, dots);
      case MXFP4 -> QuantDots.ofCodes(w, at, count, evens, odds, x, dots);
      case F32, BF16, F16, F8_BLOCKS, F4_BLOCKS ->
          throw new IllegalArgumentException(layout.dtype() + " is not quantised");
    }
  }

  /**
   * Adds them to the sums.
   *
   * @param panelAt where the panel is in w
   * @param from the first one of a token's
   * @param block the same, of all tokens'
   * @param at of the token's first row in the sums
   */
  private void add(
      QuantLayout layout, MemorySegment w, long panelAt, int from, int count, int block, int at) {
    long dots = TileMemory.at(slot) + DOTS_AT;
    long scales = TileMemory.at(slot) + SCALES_AT;
    int parts = QuantDots.parts(layout.dtype());
    int groups = QuantLayout.BLOCK / layout.groupColumns();
    int termsAt = block * groups * QuantSums.TERMS;
    switch (layout) {
      case PlainLayout plain ->
          QuantSums.addPlain(
              w, panelAt + plain.scalesAt(from), count, parts, dots, terms, termsAt, sums, at);
      case KLayout _ ->
          QuantSums.addWithMinima(scales, count, parts, dots, terms, termsAt, sums, at);
      case Q6KLayout _, Mxfp4Layout _ ->
          QuantSums.addScaled(scales, count * groups, dots, terms, termsAt, sums, at);
    }
  }
}
