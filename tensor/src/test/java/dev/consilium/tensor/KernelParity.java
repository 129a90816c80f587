package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.consilium.tensor.Samples.Draw;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Runs the vector kernels against the scalar ones and compares all the memory they may have
 * written, bit by bit (any NaN equals any other). Fails with {@link AssertionError}.
 *
 * <p>Has a main method, so that a JVM with another vector length can run it.
 */
final class KernelParity {
  private static final Kernels SCALAR = new ScalarKernels();
  private static final Kernels VECTOR = new VectorKernels();
  private static final List<Kernels> NATIVE = nativeKernels();
  private static final int[] HEAD_DIMS = {1, 2, 3, 5, 7, 16, 24, 32, 47, 64, 80, 96, 128, 192, 256};

  private KernelParity() {}

  public static void main(String[] args) {
    int lanes = Integer.parseInt(args[0]) / Float.SIZE;
    if (Lanes.COUNT != lanes) {
      throw new AssertionError(Lanes.COUNT + " lanes, expected " + lanes);
    }
    Random random = new Random(Long.parseLong(args[1]));
    for (int n = 1; n <= 40; n++) {
      elementwise(random, n, Samples::any);
    }
    for (DType dtype : DType.values()) {
      for (int tokens = 1; tokens <= 7; tokens++) {
        matmul(random, dtype, 64 + random.nextInt(70), 1 + random.nextInt(140), tokens);
      }
      for (int tokens : new int[] {2, 5}) { // columns of several chunks
        matmul(random, dtype, 40, 1100, tokens);
      }
      matmul(random, dtype, 20, 4200, 2);
    }
    for (int columns = 1; columns <= 80; columns++) {
      recurrence(random, 1 + random.nextInt(40), columns, Samples::normal);
    }
    for (int headDim : HEAD_DIMS) {
      for (KvDType dtype : KvDType.values()) {
        attention(random, headDim, dtype, Samples::normal);
        storing(random, headDim, dtype, Samples::any);
      }
    }
  }

  /** One for each instruction set of the machine; none if the build found no compiler. */
  private static List<Kernels> nativeKernels() {
    try {
      NativeLibrary library = NativeLibrary.load();
      return library.levels().stream()
          .<Kernels>map(level -> new NativeKernels(library, level, VECTOR))
          .toList();
    } catch (UnsupportedOperationException e) {
      return List.of();
    }
  }

  static int nativeCount() {
    return NATIVE.size();
  }

  static int[] headDims() {
    return HEAD_DIMS.clone();
  }

  /** One call on both, with the memory that each writes. */
  private interface Call {
    void on(Kernels kernels, MemorySegment written);
  }

  private static void compare(String what, MemorySegment written, Call call) {
    MemorySegment expected = Samples.copy(written);
    call.on(SCALAR, expected);
    for (Kernels kernels : others()) {
      MemorySegment actual = Samples.copy(written);
      call.on(kernels, actual);
      compareBits(what + ", " + kernels.description(), expected, actual);
    }
  }

  private static List<Kernels> others() {
    List<Kernels> others = new ArrayList<>(NATIVE);
    others.add(VECTOR);
    return others;
  }

  static void compareBits(String what, MemorySegment expected, MemorySegment actual) {
    for (long i = 0; i < expected.byteSize() / 4; i++) {
      float e = Float.intBitsToFloat(expected.getAtIndex(JAVA_INT, i));
      float a = Float.intBitsToFloat(actual.getAtIndex(JAVA_INT, i));
      if (Float.floatToIntBits(e) != Float.floatToIntBits(a)) {
        throw new AssertionError(
            "%s: element %d is %a, the scalar kernel gives %a".formatted(what, i, a, e));
      }
    }
  }

  static void elementwise(Random random, int n, Draw draw) {
    long at = 4L * random.nextInt(4);
    MemorySegment x = Samples.vector(random, n, at, draw);
    MemorySegment y = Samples.vector(random, n, at, draw);
    float factor = draw.from(random);
    String length = " of " + n;
    compare("add" + length, y, (kernels, w) -> kernels.add(x, at, n, w, at));
    compare("clamp" + length, y, (kernels, w) -> kernels.clamp(Math.abs(factor) + 0.1f, n, w, at));
    compare("scale" + length, y, (kernels, w) -> kernels.scale(factor, n, w, at));
    compare(
        "multiplyAdd" + length, y, (kernels, w) -> kernels.multiplyAdd(factor, x, at, n, w, at));
    compare("roundToBf16" + length, y, (kernels, w) -> kernels.roundToBf16(n, w, at));
    compare(
        "siluMultiply" + length, y, (kernels, w) -> kernels.siluMultiply(x, at, w, at, n, w, at));
    compare(
        "sigmoidMultiply" + length, y, (kernels, w) -> kernels.sigmoidMultiply(x, at, n, w, at));
    compare(
        "clampedSiluMultiply" + length,
        y,
        (kernels, w) -> kernels.clampedSiluMultiply(1.702f, 7, x, at, w, at, n, w, at));
    compare("squaredRelu" + length, y, (kernels, w) -> kernels.squaredRelu(x, at, n, w, at));
    compare("silu" + length, y, (kernels, w) -> kernels.silu(n, w, at));
    MemorySegment z = Samples.vector(random, n, at, draw);
    compare(
        "multiplyAddEach" + length,
        y,
        (kernels, w) -> kernels.multiplyAddEach(z, at, x, at, n, w, at));
    norm(random, n, at, x, y);
    compare("centre" + length, y, (kernels, w) -> kernels.centre(x, at, n, w, at));
    compare("centre in place" + length, x, (kernels, w) -> kernels.centre(w, at, n, w, at));
    MemorySegment cosSin = Samples.vector(random, n / 2 * 2, at, draw);
    int rotaryDim = n / 2 * 2;
    compare("rotate" + length, y, (kernels, w) -> kernels.rotate(w, at, rotaryDim, cosSin, at));
    MemorySegment heads = Samples.vector(random, 3 * n, at, draw);
    compare(
        "rotateEach" + length,
        heads,
        (kernels, w) -> kernels.rotateEach(3, n, w, at, rotaryDim, cosSin, at));
    normOfHeads(random, n, at, heads);
  }

  private static void normOfHeads(Random random, int n, long at, MemorySegment heads) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = Samples.normal(random);
    }
    F32Vector weight = F32Vector.of(values);
    compare(
        "rmsNormEach of " + n,
        heads,
        (kernels, w) -> kernels.rmsNormEach(3, n, weight, 1e-6f, w, at));
  }

  private static void norm(Random random, int n, long at, MemorySegment x, MemorySegment y) {
    int from = random.nextInt(5);
    float[] values = new float[from + n];
    for (int i = 0; i < values.length; i++) {
      values[i] = Samples.normal(random);
    }
    F32Vector weight = F32Vector.of(values);
    compare(
        "rmsNorm of " + n,
        y,
        (kernels, w) -> kernels.rmsNorm(x, at, n, weight, from, 1e-6f, w, at));
    compare(
        "rmsNorm in place of " + n,
        x,
        (kernels, w) -> kernels.rmsNorm(w, at, n, weight, from, 1e-6f, w, at));
  }

  static void matmul(Random random, DType dtype, int rows, int anyColumns, int tokens) {
    matmul(random, dtype, rows, anyColumns, tokens, Samples::finite);
  }

  static void matmul(
      Random random, DType dtype, int rows, int anyColumns, int tokens, Samples.Draw draw) {
    int columns = Samples.wholeBlocks(dtype, anyColumns);
    F32Matrix x = Samples.matrix(random, tokens + 3, columns, draw);
    int[] xRows = random.ints(tokens, 0, x.rows()).toArray();
    try (PackedMatrix weights = Samples.packed(random, dtype, rows, columns)) {
      List<Kernels> all = new ArrayList<>(List.of(SCALAR, VECTOR));
      all.addAll(NATIVE);
      int half = weights.panels() / 2;
      List<F32Matrix> results = new ArrayList<>();
      for (Kernels kernels : all) {
        F32Matrix y = F32Matrix.allocate(tokens + 2, rows + 5);
        y.set(1, rows, 42f); // past the outputs: must stay
        MatmulJob job = new MatmulJob(weights, x, xRows, y, 1);
        kernels.multiply(job, 0, half, 0, tokens);
        kernels.multiply(job, half, weights.panels(), 0, tokens);
        results.add(y);
      }
      for (int i = 1; i < all.size(); i++) {
        String what =
            "%s [%d, %d] * %d tokens, kernels %d".formatted(dtype, rows, columns, tokens, i);
        compareBits(what, results.getFirst().segment(), results.get(i).segment());
      }
    }
  }

  /** Whether every kernel packs weights into the same bytes. */
  static void packing(Random random, DType dtype, int rows, int anyColumns) {
    int columns = Samples.wholeBlocks(dtype, anyColumns);
    List<MemorySegment> stored = List.of(Samples.weights(random, dtype, rows, columns));
    List<Kernels> all = new ArrayList<>(List.of(VECTOR));
    all.addAll(NATIVE);
    try (PackedMatrix expected = PackedMatrix.pack(SCALAR, dtype, columns, stored)) {
      for (Kernels kernels : all) {
        try (PackedMatrix actual = PackedMatrix.pack(kernels, dtype, columns, stored)) {
          long at = expected.segment().mismatch(actual.segment());
          if (at >= 0) {
            throw new AssertionError(
                "%s [%d, %d]: byte %d of the panels differs".formatted(dtype, rows, columns, at));
          }
        }
      }
    }
  }

  /** Some columns out of the middle of a state, which is written, and results behind it. */
  static void recurrence(Random random, int keyDim, int columns, Draw draw) {
    int valueDim = columns + random.nextInt(20);
    int first = random.nextInt(valueDim - columns + 1);
    MemorySegment x = Samples.vector(random, 2 * keyDim + columns, 0, draw);
    MemorySegment written = Samples.vector(random, keyDim * valueDim + columns, 0, draw);
    MemorySegment decays =
        Samples.vector(random, keyDim * columns + columns, 0, r -> r.nextFloat());
    long stepsAt = 4L * keyDim * columns;
    for (StateUpdate.Rule rule : StateUpdate.Rule.values()) {
      for (StateDecay decay :
          List.of(
              new StateDecay.Factors(decays, 4, 0),
              new StateDecay.Factors(decays, 0, 4),
              new StateDecay.Rates(decays, 0, 4L * columns, decays, stepsAt))) {
        StateUpdate update =
            new StateUpdate(rule, decay, draw.from(random), x, 0, 4L * keyDim, x, 8L * keyDim);
        compare(
            "recur %s of [%d, %d] by %s".formatted(rule, keyDim, columns, decay),
            written,
            (kernels, w) ->
                kernels.recur(
                    new StateColumns(w, 4L * first, keyDim, columns, 4L * valueDim),
                    update,
                    w,
                    4L * keyDim * valueDim));
      }
    }
  }

  static void attention(Random random, int headDim, KvDType dtype, Draw draw) {
    int kvHeads = 1 + random.nextInt(3);
    int heads = kvHeads * (1 + random.nextInt(8));
    AttentionShape shape =
        random.nextInt(3) == 0
            ? AttentionShape.ofPrefixes(heads, headDim, 1 + random.nextInt(headDim), 0.3f, dtype)
            : new AttentionShape(heads, kvHeads, headDim, 0.3f, dtype);
    int position = random.nextInt(4) > 0 ? random.nextInt(150) : 480 + random.nextInt(60);
    int window = random.nextBoolean() ? Integer.MAX_VALUE : 1 + random.nextInt(200);
    int tokens = 1 + random.nextInt(20);
    AttentionSample sample = AttentionSample.of(random, shape, position, tokens, window, draw);
    F32Matrix expected = sample.attend(SCALAR, tokens);
    for (Kernels kernels : others()) {
      int tile = 1 + random.nextInt(tokens);
      String what = "%s, tiles of %d, %s".formatted(sample, tile, kernels);
      compareBits(what, expected.segment(), sample.attend(kernels, tile).segment());
    }
  }

  /** Keys and values of some tokens, in blocks that hold something already. */
  static void storing(Random random, int headDim, KvDType dtype, Draw draw) {
    AttentionShape shape =
        random.nextInt(3) == 0
            ? AttentionShape.ofPrefixes(4, headDim, 1 + random.nextInt(headDim), 0.3f, dtype)
            : new AttentionShape(6, 1 + random.nextInt(3), headDim, 0.3f, dtype);
    int width = shape.kvHeads() * headDim;
    int tokens = 1 + random.nextInt(20);
    int position = random.nextInt(20);
    F32Matrix source = Samples.matrix(random, tokens, 2 * width, draw);
    long blockBytes = shape.blockBytes();
    List<MemorySegment> pools = new ArrayList<>();
    List<Kernels> all = new ArrayList<>(List.of(SCALAR));
    all.addAll(others());
    for (Kernels kernels : all) {
      MemorySegment pool = Arena.ofAuto().allocate(3 * blockBytes, 64);
      pool.fill((byte) 0x11);
      KvBlocks cache = KvBlocks.of(pool, 2 * blockBytes, 0, blockBytes);
      kernels.storeKeyValue(
          shape, cache, position, tokens, source.segment(), 0, width * 4L, source.rowStrideBytes());
      pools.add(pool);
    }
    for (int i = 1; i < all.size(); i++) {
      long at = pools.getFirst().mismatch(pools.get(i));
      if (at >= 0) {
        throw new AssertionError(
            "%d tokens of %s at %d: byte %d of the cache differs, %s"
                .formatted(tokens, shape, position, at, all.get(i).description()));
      }
    }
  }
}
