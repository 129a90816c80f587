package dev.consilium.model.checkpoint;

import dev.consilium.tensor.Bf16;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.StoredBytes;
import dev.consilium.tensor.quant.BlockFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * One tensor of an open file. Its bytes are read piece by piece, or mapped when asked for as a
 * whole, that range of the file only, and unmapped with the scope they were asked for.
 *
 * <p>Bytes are row-major and little-endian and begin at any alignment. A file that was replaced or
 * changed since it was opened is refused; one that is cut short in the middle of a use makes that
 * use fail, of mapped bytes with {@link InternalError}.
 */
public final class CheckpointTensor {

  private static final Map<String, DType> DTYPES =
      Arrays.stream(DType.values()).collect(Collectors.toMap(DType::name, dtype -> dtype));

  /** More than pieces have; a buffer holds no more than 2 GiB. */
  private static final long MOST_AT_ONCE = 1 << 30;

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final UnchangedFile file;
  private final TensorHeader header;
  private final long begin;
  private final long storedBytes;
  private final Presentation presentation;

  CheckpointTensor(UnchangedFile file, SafetensorsHeader.Entry entry) {
    this(file, entry.header(), entry.begin(), Presentation.AS_STORED);
  }

  /**
   * A tensor at some place of a file, which holds as many bytes as it has.
   *
   * @param begin of its bytes, in bytes into the file
   */
  CheckpointTensor(UnchangedFile file, TensorHeader header, long begin, Presentation presentation) {
    this(file, header, begin, header.byteSize(), presentation);
  }

  private CheckpointTensor(
      UnchangedFile file,
      TensorHeader header,
      long begin,
      long storedBytes,
      Presentation presentation) {
    this.file = file;
    this.header = header;
    this.begin = begin;
    this.storedBytes = storedBytes;
    this.presentation = presentation;
  }

  /**
   * Another tensor that is made of some of this one's bytes.
   *
   * @param skip bytes from the first of this one
   * @param bytes how many it is made of
   */
  CheckpointTensor as(TensorHeader made, long skip, long bytes, Presentation how) {
    Objects.checkFromIndexSize(skip, bytes, storedBytes);
    return new CheckpointTensor(file, made, begin + skip, bytes, how);
  }

  /** The same, if the file holds the rows in another order than was thought. */
  CheckpointTensor in(RowOrder other) {
    if (other.heads() == 0) {
      return this;
    }
    Presentation inOrder =
        (stored, made, arena) -> other.undo(presentation.present(stored, made, arena), made, arena);
    return new CheckpointTensor(file, header, begin, storedBytes, inOrder);
  }

  public String name() {
    return header.name();
  }

  public TensorHeader header() {
    return header;
  }

  /** Sizes from the outermost dimension. */
  public List<Long> shape() {
    return header.shape();
  }

  /** The file that holds the tensor. */
  public Path file() {
    return file.path();
  }

  /**
   * Refuses another shape than the configuration asks for.
   *
   * @throws CheckpointException that names both
   */
  void requireShape(List<Long> wanted) {
    if (!shape().equals(wanted)) {
      throw wrong("shape is %s, want %s by the configuration".formatted(shape(), wanted));
    }
  }

  /**
   * The element type.
   *
   * @throws CheckpointException if it is none that we compute with
   */
  public DType dtype() {
    DType dtype = DTYPES.get(header.dtype());
    if (dtype == null) {
      throw wrong(
          "dtype is %s, want one of %s"
              .formatted(
                  header.dtype(), // F8_BLOCKS and F4_BLOCKS are what we make of several tensors
                  Arrays.stream(DType.values())
                      .filter(type -> type.quantised() || type.format().isEmpty())
                      .toList()));
    }
    return dtype;
  }

  /**
   * The bytes, read-only, until the arena closes: mapped, or a copy if the file holds them
   * otherwise.
   */
  public MemorySegment bytes(Arena arena) {
    if (header.byteSize() == 0) {
      return MemorySegment.ofArray(new byte[0]);
    }
    return presentation.present(mapped(arena), header, arena);
  }

  private MemorySegment mapped(Arena arena) {
    try (FileChannel channel = file.open()) {
      return channel.map(FileChannel.MapMode.READ_ONLY, begin, storedBytes, arena);
    } catch (IOException e) {
      throw new CheckpointException(file(), "tensor " + name() + ": cannot be mapped: " + e, e);
    }
  }

  /**
   * The bytes, until files and arena close: read when they are asked for, or a copy if the file
   * holds them otherwise.
   */
  StoredBytes stored(OpenFiles files, Arena arena) {
    return presentation.equals(Presentation.AS_STORED)
        ? new InFile(files.channel(file))
        : StoredBytes.of(bytes(arena));
  }

  private final class InFile implements StoredBytes {
    private final FileChannel channel;

    InFile(FileChannel channel) {
      this.channel = channel;
    }

    @Override
    public long byteSize() {
      return storedBytes;
    }

    @Override
    public void copy(long from, MemorySegment into) {
      Objects.checkFromIndexSize(from, into.byteSize(), storedBytes);
      read(channel, from, into);
    }
  }

  /**
   * Maps the bytes for the time of one call.
   *
   * @param use reads the bytes, on this thread; must not keep them
   */
  public <T> T withBytes(Function<MemorySegment, T> use) {
    try (Arena arena = Arena.ofConfined()) {
      return use.apply(bytes(arena));
    }
  }

  /** All elements, widened. */
  public float[] floats() {
    DType dtype = dtype();
    float[] values = new float[count()];
    return withBytes(bytes -> {
      dtype
          .format()
          .ifPresentOrElse(
              format -> dequantise(format, bytes, values), () -> widen(dtype, bytes, values));
      return values;
    });
  }

  private static void dequantise(BlockFormat format, MemorySegment bytes, float[] values) {
    for (int block = 0; block < values.length / format.elements(); block++) {
      format.dequantise(bytes, (long) block * format.bytes(), values, block * format.elements());
    }
  }

  private static void widen(DType dtype, MemorySegment bytes, float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (dtype) {
            case F32 -> bytes.get(FLOAT, 4L * i);
            case F16 -> Float.float16ToFloat(bytes.get(SHORT, 2L * i));
            case BF16 -> Bf16.toFloat(bytes.get(SHORT, 2L * i));
            case Q8_0, Q4_0, Q5_0, Q4_K, Q5_K, Q6_K, MXFP4, F8_BLOCKS, F4_BLOCKS ->
                throw new IllegalArgumentException(dtype + " has blocks");
          };
    }
  }

  /** All elements of an I64 tensor. */
  public long[] integers() {
    if (!header.dtype().equals("I64")) {
      throw wrong("dtype is " + header.dtype() + ", want I64");
    }
    long[] values = new long[count()];
    return withBytes(bytes -> {
      MemorySegment.copy(bytes, LONG, 0, values, 0, values.length);
      return values;
    });
  }

  /** Some of the bytes in the file, read without mapping anything. */
  byte[] read(long offset, int length) {
    byte[] bytes = new byte[length];
    try (OpenFiles files = new OpenFiles()) {
      read(files.channel(file), offset, MemorySegment.ofArray(bytes));
    }
    return bytes;
  }

  private void read(FileChannel channel, long offset, MemorySegment into) {
    try {
      for (long done = 0; done < into.byteSize(); ) {
        long most = Math.min(MOST_AT_ONCE, into.byteSize() - done);
        int count = channel.read(into.asSlice(done, most).asByteBuffer(), begin + offset + done);
        if (count < 0) {
          throw wrong("the file ends early: it was changed while it was read");
        }
        done += count;
      }
    } catch (IOException e) {
      throw new CheckpointException(file(), "tensor " + name() + ": cannot be read: " + e, e);
    }
  }

  CheckpointException wrong(String problem) {
    return new CheckpointException(file.path(), "tensor " + name() + ": " + problem);
  }

  private int count() {
    long count = header.elementCount();
    if (count > Integer.MAX_VALUE - 8) {
      throw wrong("has " + count + " elements, too many for an array");
    }
    return (int) count;
  }
}
