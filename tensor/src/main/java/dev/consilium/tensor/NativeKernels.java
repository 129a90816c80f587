package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;

/**
 * Products of quantised weights in C, with instructions that Java does not reach; everything else
 * as the kernels that it extends.
 */
public final class NativeKernels implements Kernels {
  /** Multiply-adds of a call at most: some hundred microseconds, for no safepoint is reached. */
  private static final long CALL_MULTIPLY_ADDS = 1 << 24;

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
      if (kernels.agree()) {
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

  /** Whether small products of every type equal the oracle's. */
  boolean agree() {
    Random random = new Random(1);
    int rows = 2 * QuantLayout.ROWS + 1;
    F32Matrix x = F32Matrix.allocate(3, 256);
    for (int i = 0; i < 3 * 256; i++) {
      x.set(i / 256, i % 256, (float) random.nextGaussian());
    }
    for (DType dtype : DType.values()) {
      if (dtype.quantised()) {
        try (PackedMatrix weights = PackedMatrix.pack(dtype, 256, sample(random, dtype, rows))) {
          if (!agree(weights, x)) {
            return false;
          }
        }
      }
    }
    return true;
  }

  private static List<MemorySegment> sample(Random random, DType dtype, int rows) {
    byte[] bytes = new byte[Math.toIntExact(rows * dtype.rowBytes(256))];
    random.nextBytes(bytes);
    // No byte above 0x7b: whichever bytes are a scale, it is finite.
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) ((bytes[i] & 0xff) * 0x7b / 0xff);
    }
    return List.of(MemorySegment.ofArray(bytes));
  }

  private boolean agree(PackedMatrix weights, F32Matrix x) {
    F32Matrix expected = F32Matrix.allocate(3, weights.rows());
    F32Matrix actual = F32Matrix.allocate(3, weights.rows());
    int[] rows = {0, 2, 1};
    Kernels.scalar()
        .multiply(new MatmulJob(weights, x, rows, expected, 0), 0, weights.panels(), 0, 3);
    multiply(new MatmulJob(weights, x, rows, actual, 0), 0, weights.panels(), 0, 3);
    return expected.segment().mismatch(actual.segment()) == -1;
  }

  @Override
  public String description() {
    return "native " + level + ", " + others.description();
  }

  @Override
  public void multiply(MatmulJob job, int firstPanel, int endPanel, int firstToken, int endToken) {
    if (job.weights().dtype().quantised()) {
      QuantisedTokens tokens = QuantisedTokens.of(this, job);
      multiplyQuantised(job, tokens, firstPanel, endPanel, firstToken, endToken);
    } else {
      others.multiply(job, firstPanel, endPanel, firstToken, endToken);
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
      long ofPair = 2L * QuantLayout.ROWS * job.weights().columns() * (end - token);
      int step = 2 * (int) Math.max(1, CALL_MULTIPLY_ADDS / ofPair);
      for (int panel = firstPanel; panel < endPanel; panel += step) {
        int next = Math.min(panel + step, endPanel);
        library.multiply(level, job, tokens, panel, next, token, end);
      }
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
  public void quantise(MemorySegment x, long xOffset, int n, MemorySegment into, long at) {
    others.quantise(x, xOffset, n, into, at);
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
    others.rmsNorm(x, xOffset, n, weight, weightFrom, epsilon, y, yOffset);
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
    others.siluMultiply(gate, gateOffset, up, upOffset, n, y, yOffset);
  }

  @Override
  public void add(MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    others.add(x, xOffset, n, y, yOffset);
  }

  @Override
  public void scale(float factor, int n, MemorySegment y, long yOffset) {
    others.scale(factor, n, y, yOffset);
  }

  @Override
  public void multiplyAdd(
      float factor, MemorySegment x, long xOffset, int n, MemorySegment y, long yOffset) {
    others.multiplyAdd(factor, x, xOffset, n, y, yOffset);
  }

  @Override
  public void rotate(
      MemorySegment x, long xOffset, int rotaryDim, MemorySegment cosSin, long cosSinOffset) {
    others.rotate(x, xOffset, rotaryDim, cosSin, cosSinOffset);
  }

  @Override
  public void roundToBf16(int n, MemorySegment y, long yOffset) {
    others.roundToBf16(n, y, yOffset);
  }

  @Override
  public void attend(
      AttentionShape shape,
      MemorySegment query,
      long queryOffset,
      KvBlocks cache,
      int kvHead,
      int firstKey,
      int endKey,
      MemorySegment out,
      long outOffset) {
    others.attend(shape, query, queryOffset, cache, kvHead, firstKey, endKey, out, outOffset);
  }

  @Override
  public void storeKeyValue(
      AttentionShape shape,
      KvBlocks cache,
      int position,
      MemorySegment key,
      long keyOffset,
      MemorySegment value,
      long valueOffset) {
    others.storeKeyValue(shape, cache, position, key, keyOffset, value, valueOffset);
  }
}
