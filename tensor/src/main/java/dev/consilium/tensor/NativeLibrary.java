package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The library of kernels in C ({@code src/main/c}), which the build puts beside the classes if it
 * found a compiler. Loaded from a private copy that is deleted at once.
 */
final class NativeLibrary {
  /** Tokens of a call at most: MAX_TOKENS in consilium_kernels.h. */
  static final int MAX_TOKENS = 128;

  private static final String FILE = "libconsilium-kernels.so";

  /** Beside the levels: the machine reads memory faster in one stream than in two. */
  private static final int READS_ONE_STREAM = 1 << 16;

  private final MethodHandle pack;
  private final MethodHandle quantise;
  private final MethodHandle rmsNorm;
  private final MethodHandle elements;
  private final MethodHandle rotate;
  private final MethodHandle multiply;
  private final MethodHandle attend;
  private final MethodHandle finish;
  private final MethodHandle store;
  private final MethodHandle readAhead;
  private final int levels;

  /**
   * Instruction sets, each better than those before it, with their numbers in {@code enum level}.
   */
  enum Level {
    AVX2(0),
    AVX_VNNI(1),
    /** As the next one, but few tokens take one panel after the other instead of two at a time. */
    AVX512_ONE_STREAM(5),
    AVX512_VNNI(2),
    /** As the one before it, but products of many tokens by the tile unit. */
    AMX_INT8(3),
    NEON_DOT(4);

    private final int code;

    Level(int code) {
      this.code = code;
    }
  }

  private NativeLibrary(SymbolLookup symbols) {
    pack =
        function(
            symbols,
            "consilium_pack",
            JAVA_INT, // type
            ADDRESS, // rows
            JAVA_INT, // columns
            ADDRESS, // panels
            JAVA_INT, // count
            JAVA_LONG, // panel_bytes
            JAVA_LONG); // header_bytes
    quantise =
        function(
            symbols,
            "consilium_quantise",
            JAVA_INT, // level
            ADDRESS, // x
            JAVA_LONG, // x_at
            JAVA_INT, // n
            ADDRESS, // into
            JAVA_LONG); // into_at
    rmsNorm =
        function(
            symbols,
            "consilium_rms_norm",
            JAVA_INT, // level
            ADDRESS, // x
            JAVA_LONG, // x_at
            JAVA_INT, // count
            JAVA_INT, // n
            ADDRESS, // weight
            JAVA_LONG, // weight_at
            JAVA_FLOAT, // epsilon
            ADDRESS, // y
            JAVA_LONG); // y_at
    elements =
        function(
            symbols,
            "consilium_elements",
            JAVA_INT, // level
            JAVA_INT, // operation
            JAVA_FLOAT, // factor
            ADDRESS, // a
            JAVA_LONG, // a_at
            ADDRESS, // b
            JAVA_LONG, // b_at
            JAVA_INT, // n
            ADDRESS, // y
            JAVA_LONG); // y_at
    rotate =
        function(
            symbols,
            "consilium_rotate",
            JAVA_INT, // level
            ADDRESS, // x
            JAVA_LONG, // x_at
            JAVA_INT, // count
            JAVA_LONG, // distance_bytes
            JAVA_INT, // half
            ADDRESS, // cos_sin
            JAVA_LONG); // cos_sin_at
    multiply =
        function(
            symbols,
            "consilium_multiply",
            JAVA_INT, // level
            JAVA_INT, // type
            ADDRESS, // weights
            JAVA_LONG, // weights_at
            JAVA_LONG, // panel_bytes
            JAVA_LONG, // header_bytes
            JAVA_INT, // blocks
            JAVA_INT, // panels
            ADDRESS, // activations
            ADDRESS, // offsets
            JAVA_LONG, // offsets_at
            JAVA_LONG, // version
            JAVA_INT, // tokens
            ADDRESS, // y
            JAVA_LONG, // y_at
            JAVA_LONG, // y_stride_bytes
            JAVA_INT); // rows
    attend =
        function(
            symbols,
            "consilium_attend",
            JAVA_INT, // level
            JAVA_INT, // cache
            JAVA_INT, // head_dim
            JAVA_INT, // value_dim
            JAVA_INT, // prefix
            JAVA_FLOAT, // scale
            ADDRESS, // pool
            JAVA_LONG, // keys_at
            JAVA_LONG, // values_at
            JAVA_INT, // kv_heads
            JAVA_LONG, // kv_head_bytes
            ADDRESS, // offsets
            ADDRESS, // query
            JAVA_LONG, // query_at
            JAVA_LONG, // query_stride
            JAVA_INT, // tokens
            JAVA_INT, // heads
            JAVA_INT, // position
            JAVA_INT, // window
            JAVA_INT, // from
            JAVA_INT, // end
            ADDRESS, // scratch
            ADDRESS, // states
            JAVA_LONG); // states_at
    finish =
        function(
            symbols,
            "consilium_finish",
            JAVA_INT, // level
            JAVA_INT, // value_dim
            JAVA_INT, // rows
            ADDRESS, // states
            JAVA_LONG, // states_at
            ADDRESS, // y
            JAVA_LONG); // y_at
    store =
        function(
            symbols,
            "consilium_store",
            JAVA_INT, // level
            JAVA_INT, // cache
            JAVA_INT, // head_dim
            JAVA_INT, // prefix
            ADDRESS, // pool
            JAVA_LONG, // keys_at
            JAVA_LONG, // values_at
            JAVA_INT, // kv_heads
            JAVA_LONG, // kv_head_bytes
            ADDRESS, // offsets
            JAVA_INT, // position
            JAVA_INT, // tokens
            ADDRESS, // source
            JAVA_LONG, // source_keys_at
            JAVA_LONG, // source_values_at
            JAVA_LONG); // source_stride
    readAhead = function(symbols, "consilium_read_ahead", JAVA_LONG, JAVA_LONG);
    MethodHandle found = function(symbols, "consilium_levels");
    try {
      levels = (int) found.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /**
   * Loads the library.
   *
   * @throws UnsupportedOperationException if there is none for this machine, or it cannot be
   *     loaded; the message says why
   */
  static NativeLibrary load() {
    String name = "/native/" + platform() + "/" + FILE;
    try (InputStream resource = NativeLibrary.class.getResourceAsStream(name)) {
      if (resource == null) {
        throw new UnsupportedOperationException("the build holds none for " + platform());
      }
      return link(resource);
    } catch (IOException e) {
      throw new UnsupportedOperationException("cannot unpack it: " + e, e);
    }
  }

  private static NativeLibrary link(InputStream resource) throws IOException {
    Path directory = Files.createTempDirectory("consilium");
    Path file = directory.resolve(FILE);
    try {
      Files.copy(resource, file, StandardCopyOption.REPLACE_EXISTING);
      return link(file);
    } catch (IllegalArgumentException | IllegalCallerException | UnsatisfiedLinkError e) {
      throw new UnsupportedOperationException("cannot load it: " + e.getMessage(), e);
    } finally {
      Files.deleteIfExists(file);
      Files.deleteIfExists(directory);
    }
  }

  @SuppressWarnings("restricted") // the signatures are those of kernels.c
  private static NativeLibrary link(Path file) {
    return new NativeLibrary(SymbolLookup.libraryLookup(file, Arena.global()));
  }

  @SuppressWarnings("restricted") // the signatures are those of kernels.c
  private static MethodHandle function(SymbolLookup symbols, String name, MemoryLayout... of) {
    MemorySegment at =
        symbols
            .find(name)
            .orElseThrow(() -> new IllegalArgumentException("it has no function " + name));
    return Linker.nativeLinker().downcallHandle(at, FunctionDescriptor.of(JAVA_INT, of));
  }

  /** Such as linux-x86_64. */
  private static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch");
    return (os.startsWith("mac") ? "darwin" : os)
        + "-"
        + Map.of("amd64", "x86_64").getOrDefault(arch, arch);
  }

  /** What the machine has, best first. */
  List<Level> levels() {
    List<Level> found = new ArrayList<>();
    for (Level level : Level.values()) {
      if ((levels & 1 << level.code) != 0) {
        found.addFirst(level);
      }
    }
    if ((levels & READS_ONE_STREAM) != 0 && found.remove(Level.AVX512_ONE_STREAM)) {
      found.addFirst(Level.AVX512_ONE_STREAM);
    }
    return found;
  }

  /** As {@link Kernels#pack}; the memory must be that of as many panels. */
  int pack(QuantLayout layout, MemorySegment rows, int columns, MemorySegment panels, int count) {
    long panelBytes = layout.panelBytes(columns);
    long headerBytes = layout.headerBytes(columns);
    return pack(code(layout.dtype()), rows, columns, panels, count, panelBytes, headerBytes);
  }

  /** The same for a floating point type without blocks. */
  int pack(DType dtype, MemorySegment rows, int columns, MemorySegment panels, int count) {
    long panelBytes = PackedMatrix.PANEL_ROWS * dtype.rowBytes(columns);
    return pack(floatCode(dtype), rows, columns, panels, count, panelBytes, 0);
  }

  private int pack(
      int type,
      MemorySegment rows,
      int columns,
      MemorySegment panels,
      int count,
      long panelBytes,
      long headerBytes) {
    try {
      return (int) pack.invokeExact(type, rows, columns, panels, count, panelBytes, headerBytes);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** The ranges must be inside the memory, n a multiple of 32. */
  void quantise(Level level, MemorySegment x, long xAt, int n, MemorySegment into, long at) {
    try {
      int result = (int) quantise.invokeExact(level.code, x, xAt, n, into, at);
      require(result, "quantising", level);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Of {@code count} vectors one behind the other; the ranges must be inside the memory. */
  void rmsNorm(
      Level level,
      MemorySegment x,
      long xAt,
      int count,
      int n,
      MemorySegment weight,
      long weightAt,
      float epsilon,
      MemorySegment y,
      long yAt) {
    try {
      int result =
          (int)
              rmsNorm.invokeExact(level.code, x, xAt, count, n, weight, weightAt, epsilon, y, yAt);
      require(result, "norm", level);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** What {@link #elements} does, with its number in {@code enum operation}. */
  enum Operation {
    /** {@link Kernels#siluMultiply}. */
    SILU_MULTIPLY(0),
    /** {@link Kernels#add}, of a. */
    ADD(1),
    /** {@link Kernels#scale}. */
    SCALE(2),
    /** {@link Kernels#multiplyAdd}, of a. */
    MULTIPLY_ADD(3);

    private final int code;

    Operation(int code) {
      this.code = code;
    }
  }

  /** The ranges must be inside the memory; of what an operation does not need, any. */
  void elements(
      Level level,
      Operation operation,
      float factor,
      MemorySegment a,
      long aAt,
      MemorySegment b,
      long bAt,
      int n,
      MemorySegment y,
      long yAt) {
    try {
      int result =
          (int) elements.invokeExact(level.code, operation.code, factor, a, aAt, b, bAt, n, y, yAt);
      require(result, "elements", level);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** The ranges must be inside the memory, rotaryDim even. */
  void rotate(
      Level level,
      MemorySegment x,
      long xAt,
      int count,
      long distanceBytes,
      int rotaryDim,
      MemorySegment cosSin,
      long cosSinAt) {
    try {
      int result =
          (int)
              rotate.invokeExact(
                  level.code, x, xAt, count, distanceBytes, rotaryDim / 2, cosSin, cosSinAt);
      require(result, "rotary embedding", level);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /**
   * Of floating point weights, at most {@link #MAX_TOKENS} tokens; the ranges must be inside the
   * job.
   *
   * @param offsets of the tokens in the memory of x
   */
  void multiplyFloats(
      Level level,
      MatmulJob job,
      MemorySegment offsets,
      int firstPanel,
      int endPanel,
      int firstToken,
      int tokens) {
    PackedMatrix weights = job.weights();
    multiply(
        level,
        floatCode(weights.dtype()),
        job,
        0,
        weights.columns(),
        firstPanel,
        endPanel,
        job.x().segment(),
        offsets,
        0,
        0,
        firstToken,
        tokens);
  }

  /** At most {@link #MAX_TOKENS} tokens; the ranges must be inside the job. */
  void multiply(
      Level level,
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    PackedMatrix weights = job.weights();
    multiply(
        level,
        code(weights.dtype()),
        job,
        weights.quantLayout().headerBytes(weights.columns()),
        weights.columns() / QuantLayout.BLOCK,
        firstPanel,
        endPanel,
        tokens.blocks(),
        tokens.offsets(),
        tokens.offsetsAt() + firstToken * 8L,
        tokens.version(),
        firstToken,
        endToken - firstToken);
  }

  private void multiply(
      Level level,
      int type,
      MatmulJob job,
      long headerBytes,
      int blocks,
      int firstPanel,
      int endPanel,
      MemorySegment activations,
      MemorySegment offsets,
      long offsetsAt,
      long version,
      int firstToken,
      int tokens) {
    PackedMatrix weights = job.weights();
    int firstRow = firstPanel * weights.panelRows();
    try {
      int result =
          (int)
              multiply.invokeExact(
                  level.code,
                  type,
                  weights.segment(),
                  firstPanel * weights.panelBytes(),
                  weights.panelBytes(),
                  headerBytes,
                  blocks,
                  endPanel - firstPanel,
                  activations,
                  offsets,
                  offsetsAt,
                  version,
                  tokens,
                  job.y().segment(),
                  job.yOffset(firstToken) + (long) firstRow * Float.BYTES,
                  job.y().rowStrideBytes(),
                  weights.rows() - firstRow);
      require(result, "product", level);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** As {@link Kernels#attend}; the caller has checked that all memory is there. */
  void attend(
      Level level,
      AttentionTile tile,
      int segment,
      MemorySegment scratch,
      MemorySegment states,
      long statesAt) {
    AttentionShape shape = tile.shape();
    AttentionJob job = tile.job();
    try {
      int result =
          (int)
              attend.invokeExact(
                  level.code,
                  code(shape.dtype()),
                  shape.headDim(),
                  shape.valueDim(),
                  shape.keyPrefix() ? 1 : 0,
                  shape.scale(),
                  job.cache().pool(),
                  job.cache().base() + shape.keyOffset(tile.kvHead()),
                  shape.valueOffset(0),
                  tile.kvHeads(),
                  shape.keyOffset(1),
                  job.cache().offsets(),
                  job.query().segment(),
                  tile.queryOffset(0),
                  job.query().rowStrideBytes(),
                  tile.tokens(),
                  shape.headsPerKvHead(),
                  job.position() + tile.firstToken(),
                  job.window(),
                  segment * AttentionTile.SEGMENT,
                  (segment + 1) * AttentionTile.SEGMENT,
                  scratch,
                  states,
                  statesAt);
      require(result, "attention", level);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** As {@link Kernels#finishRows}; the ranges must be inside the memory. */
  void finish(
      Level level,
      AttentionShape shape,
      int rows,
      MemorySegment states,
      long statesAt,
      MemorySegment y,
      long yAt) {
    try {
      int result =
          (int) finish.invokeExact(level.code, shape.valueDim(), rows, states, statesAt, y, yAt);
      require(result, "results of attention", level);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** As {@link Kernels#storeKeyValue}; the caller has checked that all memory is there. */
  void store(
      Level level,
      AttentionShape shape,
      KvBlocks cache,
      int position,
      int tokens,
      MemorySegment source,
      long keysAt,
      long valuesAt,
      long strideBytes) {
    try {
      int result =
          (int)
              store.invokeExact(
                  level.code,
                  code(shape.dtype()),
                  shape.headDim(),
                  shape.keyPrefix() ? 1 : 0,
                  cache.pool(),
                  cache.base(),
                  shape.valueOffset(0),
                  shape.kvHeads(),
                  shape.keyOffset(1),
                  cache.offsets(),
                  position,
                  tokens,
                  source,
                  keysAt,
                  valuesAt,
                  strideBytes);
      require(result, "store of keys and values", level);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** See {@link Kernels#readAhead}. */
  void readAhead(long address, long bytes) {
    try {
      int result = (int) readAhead.invokeExact(address, bytes);
      assert result == 0;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** The type's number in {@code enum cache} of attention.h. */
  private static int code(KvDType dtype) {
    return switch (dtype) {
      case F32 -> 0;
      case F16 -> 1;
      case BF16 -> 2;
      case Q8_0 -> 3;
    };
  }

  /** The type's number in {@code enum type} of consilium_kernels.h. */
  private static int code(DType dtype) {
    return switch (dtype) {
      case Q8_0 -> 0;
      case Q4_0 -> 1;
      case Q5_0 -> 2;
      case Q4_K -> 3;
      case Q5_K -> 4;
      case Q6_K -> 5;
      case MXFP4 -> 6;
      case F32, BF16, F16, F8_BLOCKS, F4_BLOCKS ->
          throw new IllegalArgumentException(dtype + " has no native kernel of blocks");
    };
  }

  /** The type's number in {@code enum float_type} of consilium_kernels.h. */
  private static int floatCode(DType dtype) {
    return switch (dtype) {
      case F32 -> 7;
      case BF16 -> 8;
      case F16 -> 9;
      default -> throw new IllegalArgumentException(dtype + " has blocks");
    };
  }

  /** The words become a message only where there is none of this. */
  private static void require(int result, String what, Level level) {
    if (result != 0) {
      throw new IllegalStateException("no native " + what + " on " + level);
    }
  }

  private static RuntimeException unexpected(Throwable e) {
    return switch (e) {
      case RuntimeException r -> r;
      case Error error -> throw error;
      default -> new IllegalStateException("a native function threw", e);
    };
  }
}
