package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.consilium.tensor.NativeLibrary.Operation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Products of quantised weights, and attention, in C, with instructions and registers that Java
 * does not reach; what a token meets between those two, since a call for all heads costs as much as
 * one for each does in Java; the packing of weights, which happens before the JVM has compiled
 * anything; products of f32 and bf16 and the sums of a step, since Java's vectors take the JVM a
 * second to compile; everything else as the kernels that it extends.
 */
public final class NativeKernels implements Kernels {
  /** Every tile of few tokens, some for several of them, and many: of these the tile unit's two. */
  private static final int[] TOKENS =
      IntStream.concat(IntStream.rangeClosed(1, 12), IntStream.of(29, 37)).toArray();

  /** More than kernels walk at once, and the oracle is slow. */
  private static final int COLUMNS = 768;

  /** A panel and a row of the next; as many copies of them are enough panels for the tile unit. */
  private static final int ROWS = QuantLayout.ROWS + 1;

  private static final int COPIES = 8;

  /** More than kernels of floating point weights walk at once. */
  private static final int FLOAT_COLUMNS = 150;

  /** Where the tokens of a product of floating point weights are. */
  private static final ThreadLocal<MemorySegment> FLOAT_OFFSETS =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(JAVA_LONG, NativeLibrary.MAX_TOKENS));

  private final NativeLibrary library;
  private final NativeLibrary.Level level;
  private final Kernels others;

  NativeKernels(NativeLibrary library, NativeLibrary.Level level, Kernels others) {
    this.library = library;
    this.level = level;
    this.others = others;
  }

  /** The best instruction set of the machine whose kernels give what the oracle gives. */
  static Optional<Kernels> choose(NativeLibrary library, Kernels others) {
    for (NativeLibrary.Level level : library.levels()) {
      NativeKernels kernels = new NativeKernels(library, level, others);
      if (kernels.agree() && kernels.agreeOnAttention() && kernels.agreeOnRows()) {
        return Optional.of(kernels);
      }
      System.getLogger(NativeKernels.class.getName())
          .log(
              System.Logger.Level.WARNING,
              "native kernels for {0} give other numbers than Java and are not used; please report",
              level);
    }
    return Optional.empty();
  }

  /** Whether panels and products of every type equal the oracle's. */
  boolean agree() {
    Random random = new Random(1);
    F32Matrix x = uniform(random, 2, COLUMNS);
    for (DType dtype : DType.values()) {
      boolean agree =
          dtype.quantised()
              ? agree(dtype, sample(random, dtype, ROWS, COLUMNS), x)
              : dtype.blockElements() > 1 || agreeOnFloats(dtype, random, x);
      if (!agree) {
        return false;
      }
    }
    return true;
  }

  /** Of two panels of floating point weights. */
  private boolean agreeOnFloats(DType dtype, Random random, F32Matrix x) {
    F32Matrix some = x.columns(0, FLOAT_COLUMNS);
    List<MemorySegment> stored =
        List.of(sample(random, dtype, PackedMatrix.PANEL_ROWS + 1, FLOAT_COLUMNS));
    try (PackedMatrix weights = PackedMatrix.pack(others, dtype, FLOAT_COLUMNS, stored);
        PackedMatrix packedHere = PackedMatrix.pack(this, dtype, FLOAT_COLUMNS, stored)) {
      return weights.segment().mismatch(packedHere.segment()) == -1
          && agree(weights, some, expected(weights, some));
    }
  }

  /** What the oracle gives for each row of x. */
  private static F32Matrix expected(PackedMatrix weights, F32Matrix x) {
    F32Matrix expected = F32Matrix.allocate(x.rows(), weights.rows());
    MatmulJob job = new MatmulJob(weights, x, rowsOf(x, x.rows()), expected, 0);
    Kernels.scalar().multiply(job, 0, weights.panels(), 0, x.rows());
    return expected;
  }

  static MemorySegment sample(Random random, DType dtype, int rows, int columns) {
    byte[] bytes = new byte[Math.toIntExact(rows * dtype.rowBytes(columns))];
    random.nextBytes(bytes);
    // In each byte a bit is missing that an infinite scale has, whichever bytes are a scale. Scales
    // of MXFP4 and weights of floating point reach further than sums do.
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] &= (byte) ~(dtype == DType.MXFP4 || !dtype.quantised() ? 0x40 : 4 << (i % 5));
    }
    return MemorySegment.ofArray(bytes);
  }

  private boolean agree(DType dtype, MemorySegment stored, F32Matrix x) {
    List<MemorySegment> once = List.of(stored);
    try (PackedMatrix weights = PackedMatrix.pack(others, dtype, COLUMNS, once);
        PackedMatrix packedHere = PackedMatrix.pack(this, dtype, COLUMNS, once);
        PackedMatrix tall =
            PackedMatrix.pack(this, dtype, COLUMNS, Collections.nCopies(COPIES, stored))) {
      return weights.segment().mismatch(packedHere.segment()) == -1
          && agree(tall, x, copies(expected(weights, x)));
    }
  }

  /** The rows of x, over and over. */
  private static int[] rowsOf(F32Matrix x, int tokens) {
    return IntStream.range(0, tokens).map(token -> token % x.rows()).toArray();
  }

  /** Each row over and over, {@link #COPIES} times. */
  private static F32Matrix copies(F32Matrix rows) {
    F32Matrix copies = F32Matrix.allocate(rows.rows(), COPIES * rows.columns());
    for (int from = 0; from < copies.columns(); from += rows.columns()) {
      F32Matrix copy = copies.columns(from, rows.columns());
      for (int row = 0; row < rows.rows(); row++) {
        copy.copyRow(row, rows, row);
      }
    }
    return copies;
  }

  /** Whether the rows of x give what is expected of them, however many tokens there are. */
  private boolean agree(PackedMatrix weights, F32Matrix x, F32Matrix expected) {
    int[] rows = rowsOf(x, TOKENS[TOKENS.length - 1]);
    F32Matrix y = F32Matrix.allocate(rows.length, weights.rows());
    MatmulJob job = new MatmulJob(weights, x, rows, y, 0);
    Optional<QuantisedTokens> blocks =
        weights.dtype().quantised() ? Optional.of(QuantisedTokens.of(this, job)) : Optional.empty();
    long bytes = weights.rows() * (long) Float.BYTES;
    for (int tokens : TOKENS) {
      y.segment().fill((byte) 0);
      if (blocks.isPresent()) {
        multiplyQuantised(job, blocks.get(), 0, weights.panels(), 0, tokens);
      } else {
        multiplyFloats(job, 0, weights.panels(), 0, tokens);
      }
      for (int token = 0; token < tokens; token++) {
        MemorySegment row = expected.segment().asSlice(expected.offset(rows[token]), bytes);
        if (y.segment().asSlice(y.offset(token), bytes).mismatch(row) != -1) {
          return false;
        }
      }
    }
    return true;
  }

  /**
   * Whether attention equals the oracle's: of so many tokens that keys are widened for them, in two
   * segments, and of few in one.
   */
  boolean agreeOnAttention() {
    F32Matrix x = uniform(new Random(2), 96, 3 * 48);
    return Arrays.stream(KvDType.values())
        .allMatch(dtype ->
            agreeOnAttention(dtype, AttentionTile.SEGMENT - 80, 9, 72, x)
                && agreeOnAttention(dtype, 0, 4, 24, x));
  }

  /**
   * With a key for each row of x, from a position on; those before it are never seen.
   *
   * @param tokens the last ones
   */
  private boolean agreeOnAttention(KvDType dtype, int from, int tokens, int window, F32Matrix x) {
    int width = x.columns();
    int end = from + x.rows();
    AttentionShape shape = new AttentionShape(width / 48, 1, 48, 0.2f, dtype);
    int blocks = end / AttentionShape.BLOCK_TOKENS;
    long[] offsets = LongStream.range(0, blocks).map(i -> i * shape.blockBytes()).toArray();
    KvBlocks cache = KvBlocks.of(Arena.ofAuto().allocate(blocks * shape.blockBytes(), 64), offsets);
    storeKeyValue(shape, cache, from, x.rows(), x.segment(), 0, 48 * 4L, x.rowStrideBytes());
    F32Matrix expected = F32Matrix.allocate(tokens, width);
    F32Matrix actual = F32Matrix.allocate(tokens, width);
    int first = end - tokens;
    attend(Kernels.scalar(), new AttentionJob(shape, cache, first, tokens, window, x, expected, 0));
    attend(this, new AttentionJob(shape, cache, first, tokens, window, x, actual, 0));
    return expected.segment().mismatch(actual.segment()) == -1;
  }

  /**
   * Whether norms, the rotary embedding, what the cache then holds, and activations equal the
   * oracle's.
   */
  boolean agreeOnRows() {
    int dim = 53;
    Random random = new Random(3);
    F32Matrix x = uniform(random, 20, 4 * dim);
    F32Matrix weightAndRotation = uniform(random, 2, dim);
    for (KvDType dtype : KvDType.values()) {
      AttentionShape shape = new AttentionShape(2, 2, dim, 1, dtype);
      MemorySegment expected = cacheAfterRows(Kernels.scalar(), shape, x, weightAndRotation);
      if (cacheAfterRows(this, shape, x, weightAndRotation).mismatch(expected) != -1) {
        return false;
      }
    }
    return activated(this, x).mismatch(activated(Kernels.scalar(), x)) == -1;
  }

  /** Numbers between -2 and 2. */
  private static F32Matrix uniform(Random random, int rows, int columns) {
    F32Matrix x = F32Matrix.allocate(rows, columns);
    float[] values = new float[columns];
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < columns; i++) {
        values[i] = 4 * random.nextFloat() - 2;
      }
      x.writeRow(row, values);
    }
    return x;
  }

  /**
   * Keys and values of some tokens on their way into a cache, all of them normalised and rotated.
   */
  private static MemorySegment cacheAfterRows(
      Kernels kernels, AttentionShape shape, F32Matrix tokens, F32Matrix weightAndRotation) {
    int dim = shape.headDim();
    int heads = 2 * shape.kvHeads();
    float[] weight = new float[dim];
    weightAndRotation.readRow(0, weight);
    F32Matrix x = F32Matrix.allocate(tokens.rows(), tokens.columns());
    MemorySegment memory = x.segment();
    for (int row = 0; row < x.rows(); row++) {
      x.copyRow(row, tokens, row);
      kernels.rmsNormEach(heads, dim, F32Vector.of(weight), 1e-6f, memory, x.offset(row));
      kernels.rotateEach(
          heads,
          dim,
          memory,
          x.offset(row),
          dim - 1,
          weightAndRotation.segment(),
          weightAndRotation.offset(1));
    }
    MemorySegment pool = Arena.ofAuto().allocate(2 * shape.blockBytes(), 64);
    KvBlocks cache = KvBlocks.of(pool, shape.blockBytes(), 0);
    long values = (long) shape.kvHeads() * dim * Float.BYTES;
    kernels.storeKeyValue(shape, cache, 3, x.rows(), memory, 0, values, x.rowStrideBytes());
    return pool;
  }

  /** Of the first row with the others, so that no row is whole vectors; then what adds them. */
  private static MemorySegment activated(Kernels kernels, F32Matrix x) {
    F32Matrix y = F32Matrix.allocate(x.rows(), x.columns() - 1);
    for (int row = 0; row < x.rows(); row++) {
      kernels.siluMultiply(
          x.segment(),
          x.offset(0),
          x.segment(),
          x.offset(row),
          y.columns(),
          y.segment(),
          y.offset(row));
      kernels.scale(0.7f, y.columns(), y.segment(), y.offset(row));
      kernels.add(x.segment(), x.offset(row), y.columns(), y.segment(), y.offset(row));
      kernels.multiplyAdd(1.7f, x.segment(), x.offset(0), y.columns(), y.segment(), y.offset(row));
    }
    return y.segment();
  }

  private static void attend(Kernels kernels, AttentionJob job) {
    AttentionTasks.run(
        kernels, new AttentionTile(job, 0, 1, 0, job.tokens()), new AttentionMemory());
  }

  /** Whether C may write there: it does not ask whether it may. */
  private static boolean writable(MemorySegment memory) {
    return memory.isNative() && !memory.isReadOnly();
  }

  @Override
  public String description() {
    return "native " + level + ", " + others.description();
  }

  @Override
  public boolean gathersTokens() {
    return level == NativeLibrary.Level.AMX_INT8;
  }

  @Override
  public void multiply(MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    if (job.weights().dtype().quantised()) {
      QuantisedTokens tokens = QuantisedTokens.of(this, job);
      multiplyQuantised(job, tokens, firstPanel, endPanel, firstToken, endToken);
    } else if (job.weights().dtype().blockElements() == 1) {
      multiplyFloats(job, firstPanel, endPanel, firstToken, endToken);
    } else {
      others.multiply(job, firstPanel, endPanel, firstToken, endToken);
    }
  }

  private void multiplyFloats(
      MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    Objects.checkFromToIndex(firstPanel, endPanel, job.weights().panels());
    Objects.checkFromToIndex(firstToken, endToken, job.tokens());
    MemorySegment offsets = FLOAT_OFFSETS.get();
    for (int token = firstToken; token < endToken; token += NativeLibrary.MAX_TOKENS) {
      int tokens = Math.min(endToken - token, NativeLibrary.MAX_TOKENS);
      for (int i = 0; i < tokens; i++) {
        offsets.setAtIndex(JAVA_LONG, i, job.xOffset(token + i));
      }
      library.multiplyFloats(level, job, offsets, firstPanel, endPanel, token, tokens);
    }
  }

  @Override
  public void multiplyQuantised(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    checkRanges(job, tokens, firstPanel, endPanel, firstToken, endToken);
    for (int token = firstToken; token < endToken; token += NativeLibrary.MAX_TOKENS) {
      int end = Math.min(token + NativeLibrary.MAX_TOKENS, endToken);
      library.multiply(level, job, tokens, firstPanel, endPanel, token, end);
    }
  }

  /** C does not look. */
  private static void checkRanges(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    Objects.checkFromToIndex(firstPanel, endPanel, job.weights().panels());
    Objects.checkFromToIndex(firstToken, endToken, job.tokens());
    long rowBytes = QuantisedTokens.rowBytes(job.weights().columns());
    for (int token = firstToken; token < endToken; token++) {
      Objects.checkFromIndexSize(tokens.offset(token), rowBytes, tokens.blocks().byteSize());
    }
  }

  @Override
  public int pack(QuantLayout layout, MemorySegment rows, int columns, MemorySegment panels) {
    int count = Math.toIntExact(panels.byteSize() / layout.panelBytes(columns));
    Objects.checkFromIndexSize(
        0, (long) count * QuantLayout.ROWS * layout.dtype().rowBytes(columns), rows.byteSize());
    return library.pack(layout, rows, columns, panels, count);
  }

  @Override
  public int pack(DType dtype, MemorySegment rows, int columns, MemorySegment panels) {
    if (!rows.isNative()) {
      return others.pack(dtype, rows, columns, panels);
    }
    long panelBytes = PackedMatrix.PANEL_ROWS * dtype.rowBytes(columns);
    int count = Math.toIntExact(panels.byteSize() / panelBytes);
    Objects.checkFromIndexSize(0, count * panelBytes, rows.byteSize());
    return library.pack(dtype, rows, columns, panels, count);
  }

  @Override
  public void quantise(MemorySegment x, long xOffset, int n, MemorySegment into, long at) {
    if (!x.isNative() || !writable(into)) {
      others.quantise(x, xOffset, n, into, at);
      return;
    }
    if (n % QuantLayout.BLOCK != 0) {
      throw new IllegalArgumentException(n + " activations; expected a multiple of 32");
    }
    Objects.checkFromIndexSize(xOffset, n * 4L, x.byteSize());
    Objects.checkFromIndexSize(at, QuantisedTokens.rowBytes(n), into.byteSize());
    library.quantise(level, x, xOffset, n, into, at);
  }

  @Override
  public void rmsNorm(
      MemorySegment x,
      long xOffset,
      int n,
      F32Vector weight,
      int weightFrom,
      float epsilon,
      MemorySegment y,
      long yOffset) {
    if (!x.isNative() || !writable(y)) {
      others.rmsNorm(x, xOffset, n, weight, weightFrom, epsilon, y, yOffset);
      return;
    }
    Objects.checkFromIndexSize(weightFrom, n, weight.length());
    Objects.checkFromIndexSize(xOffset, n * 4L, x.byteSize());
    Objects.checkFromIndexSize(yOffset, n * 4L, y.byteSize());
    library.rmsNorm(
        level, x, xOffset, 1, n, weight.segment(), weightFrom * 4L, epsilon, y, yOffset);
  }

  @Override
  public void rmsNormEach(
      int count, int n, F32Vector weight, float epsilon, MemorySegment y, long yOffset) {
    if (!writable(y)) {
      others.rmsNormEach(count, n, weight, epsilon, y, yOffset);
      return;
    }
    Objects.checkFromIndexSize(0, n, weight.length());
    Objects.checkFromIndexSize(yOffset, (long) count * n * Float.BYTES, y.byteSize());
    library.rmsNorm(level, y, yOffset, count, n, weight.segment(), 0, epsilon, y, yOffset);
  }

  @Override
  public void centre(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    others.centre(x, xOffset, n, y, yOffset);
  }

  @Override
  public void clampedSiluMultiply(
      float alpha,
      float limit,
      MemorySegment gate,
      long gateOffset,
      MemorySegment up,
      long upOffset,
      int n,
      MemorySegment y,
      long yOffset) {
    others.clampedSiluMultiply(alpha, limit, gate, gateOffset, up, upOffset, n, y, yOffset);
  }

  @Override
  public void squaredRelu(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    others.squaredRelu(x, xOffset, n, y, yOffset);
  }

  @Override
  public void siluMultiply(
      MemorySegment gate,
      long gateOffset,
      MemorySegment up,
      long upOffset,
      int n,
      MemorySegment y,
      long yOffset) {
    if (!gate.isNative() || !up.isNative() || !writable(y)) {
      others.siluMultiply(gate, gateOffset, up, upOffset, n, y, yOffset);
      return;
    }
    Objects.checkFromIndexSize(gateOffset, n * 4L, gate.byteSize());
    Objects.checkFromIndexSize(upOffset, n * 4L, up.byteSize());
    Objects.checkFromIndexSize(yOffset, n * 4L, y.byteSize());
    library.elements(
        level, Operation.SILU_MULTIPLY, 0, gate, gateOffset, up, upOffset, n, y, yOffset);
  }

  @Override
  public void silu(int n, MemorySegment y, long yOffset) {
    others.silu(n, y, yOffset);
  }

  @Override
  public void sigmoidMultiply(
      MemorySegment gate, long gateOffset, int n, MemorySegment y, long yOffset) {
    others.sigmoidMultiply(gate, gateOffset, n, y, yOffset);
  }

  @Override
  public void multiplyAddEach(
      MemorySegment w,
      long wOffset,
      MemorySegment x,
      long xOffset,
      int n,
      MemorySegment y,
      long yOffset) {
    others.multiplyAddEach(w, wOffset, x, xOffset, n, y, yOffset);
  }

  @Override
  public void recur(StateColumns state, StateUpdate update, MemorySegment y, long yOffset) {
    others.recur(state, update, y, yOffset);
  }

  @Override
  public void add(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    if (!x.isNative() || !writable(y)) {
      others.add(x, xOffset, n, y, yOffset);
      return;
    }
    Objects.checkFromIndexSize(xOffset, n * 4L, x.byteSize());
    Objects.checkFromIndexSize(yOffset, n * 4L, y.byteSize());
    library.elements(level, Operation.ADD, 0, x, xOffset, x, xOffset, n, y, yOffset);
  }

  @Override
  public void clamp(float limit, int n, MemorySegment y, long yOffset) {
    others.clamp(limit, n, y, yOffset);
  }

  @Override
  public void scale(float factor, int n, MemorySegment y, long yOffset) {
    if (!writable(y)) {
      others.scale(factor, n, y, yOffset);
      return;
    }
    Objects.checkFromIndexSize(yOffset, n * 4L, y.byteSize());
    library.elements(level, Operation.SCALE, factor, y, yOffset, y, yOffset, n, y, yOffset);
  }

  @Override
  public void multiplyAdd(
      float factor, MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    if (!x.isNative() || !writable(y)) {
      others.multiplyAdd(factor, x, xOffset, n, y, yOffset);
      return;
    }
    Objects.checkFromIndexSize(xOffset, n * 4L, x.byteSize());
    Objects.checkFromIndexSize(yOffset, n * 4L, y.byteSize());
    library.elements(level, Operation.MULTIPLY_ADD, factor, x, xOffset, x, xOffset, n, y, yOffset);
  }

  @Override
  public void rotate(
      MemorySegment x, long xOffset, int rotaryDim, MemorySegment cosSin, long cosSinOffset) {
    rotateEach(1, rotaryDim, x, xOffset, rotaryDim, cosSin, cosSinOffset);
  }

  @Override
  public void rotateEach(
      int count,
      int n,
      MemorySegment x,
      long xOffset,
      int rotaryDim,
      MemorySegment cosSin,
      long cosSinOffset) {
    if (!x.isNative() || !cosSin.isNative()) {
      others.rotateEach(count, n, x, xOffset, rotaryDim, cosSin, cosSinOffset);
      return;
    }
    Objects.checkFromToIndex(0, 2 * ScalarKernels.rotaryHalf(rotaryDim), n);
    Objects.checkFromIndexSize(xOffset, (long) count * n * Float.BYTES, x.byteSize());
    Objects.checkFromIndexSize(cosSinOffset, rotaryDim * 4L, cosSin.byteSize());
    library.rotate(
        level, x, xOffset, count, (long) n * Float.BYTES, rotaryDim, cosSin, cosSinOffset);
  }

  @Override
  public void roundToBf16(int n, MemorySegment y, long yOffset) {
    others.roundToBf16(n, y, yOffset);
  }

  @Override
  public void attend(
      AttentionTile tile, int segment, MemorySegment scratch, MemorySegment states, long statesAt) {
    checkMemory(tile, segment, scratch, states, statesAt);
    library.attend(level, tile, segment, scratch, states, statesAt);
  }

  @Override
  public void finishRows(
      AttentionShape shape,
      int rows,
      MemorySegment states,
      long statesAt,
      MemorySegment y,
      long yAt) {
    if (!states.isNative() || !y.isNative()) {
      others.finishRows(shape, rows, states, statesAt, y, yAt);
      return;
    }
    Objects.checkFromIndexSize(statesAt, rows * AttentionStates.rowBytes(shape), states.byteSize());
    Objects.checkFromIndexSize(yAt, (long) rows * shape.valueDim() * Float.BYTES, y.byteSize());
    library.finish(level, shape, rows, states, statesAt, y, yAt);
  }

  /** C does not look. What the tile's job has checked is not checked again. */
  private static void checkMemory(
      AttentionTile tile, int segment, MemorySegment scratch, MemorySegment states, long statesAt) {
    Objects.checkFromToIndex(tile.firstSegment(), segment, tile.endSegment() - 1);
    AttentionShape shape = tile.shape();
    Objects.checkFromIndexSize(
        0, AttentionMemory.scratchBytes(shape, tile.tokens()), scratch.byteSize());
    Objects.checkFromIndexSize(
        statesAt, tile.rows() * AttentionStates.rowBytes(shape), states.byteSize());
    checkBlocks(
        shape,
        tile.job().cache(),
        tile.firstKey(0, segment * AttentionTile.SEGMENT),
        tile.endKey(tile.tokens() - 1, (segment + 1) * AttentionTile.SEGMENT) - 1);
  }

  /** Whether the blocks of two positions, and those between, are inside the pool. */
  private static void checkBlocks(AttentionShape shape, KvBlocks cache, int first, int last) {
    long blockBytes = shape.blockBytes();
    long poolBytes = cache.pool().byteSize();
    for (int block = first / AttentionShape.BLOCK_TOKENS;
        block <= last / AttentionShape.BLOCK_TOKENS;
        block++) {
      Objects.checkFromIndexSize(cache.offset(block), blockBytes, poolBytes);
    }
  }

  @Override
  public void storeKeyValue(
      AttentionShape shape,
      KvBlocks cache,
      int position,
      int tokens,
      MemorySegment source,
      long keysAt,
      long valuesAt,
      long strideBytes) {
    if (!source.isNative() || tokens == 0) {
      others.storeKeyValue(shape, cache, position, tokens, source, keysAt, valuesAt, strideBytes);
      return;
    }
    CacheStore.checkPositions(position, tokens);
    long rowBytes = (long) shape.kvHeads() * shape.headDim() * Float.BYTES;
    long lastRow = (tokens - 1) * strideBytes;
    for (long first : new long[] {keysAt, valuesAt}) {
      Objects.checkFromIndexSize(first, rowBytes, source.byteSize());
      Objects.checkFromIndexSize(first + lastRow, rowBytes, source.byteSize());
    }
    checkBlocks(shape, cache, position, Math.addExact(position, tokens - 1));
    library.store(level, shape, cache, position, tokens, source, keysAt, valuesAt, strideBytes);
  }

  @Override
  public void readAhead(MemorySegment weights, long at, long bytes) {
    library.readAhead(weights.address() + at, bytes);
  }
}
