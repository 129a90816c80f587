package dev.consilium.model.conversion;

import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.model.checkpoint.CheckpointTensor;
import dev.consilium.model.checkpoint.TensorHeader;
import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * Copies the weights of one source into a file, encoded anew where types differ, a few rows at a
 * time (all of them where their order changes).
 */
final class TensorCopy {

  /** Weights that are in memory at once as f32. */
  private static final int CHUNK_WEIGHTS = 1 << 23;

  private final CheckpointTensor source;
  private final GgufLayout.Entry entry;
  private final DType from;
  private final GgufTensorType to;

  TensorCopy(CheckpointTensor source, GgufLayout.Entry entry) {
    this.source = source;
    this.entry = entry;
    this.from = source.dtype();
    this.to = entry.tensor().type();
  }

  void write(GgufWriter.Sink sink) throws IOException {
    int step =
        entry.order().heads() > 0
            ? entry.rows()
            : Math.clamp(CHUNK_WEIGHTS / entry.columns(), 1, entry.rows());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stored = source.bytes(arena);
      for (int row = 0; row < entry.rows(); row += step) {
        write(stored, row, Math.min(step, entry.rows() - row), sink);
      }
    }
  }

  private void write(MemorySegment stored, int first, int rows, GgufWriter.Sink sink)
      throws IOException {
    long fromRow = source.header().byteSize() / entry.rows();
    try (Arena arena = Arena.ofShared()) {
      MemorySegment chunk = stored.asSlice(first * fromRow, rows * fromRow);
      MemorySegment encoded = from.name().equals(to.name()) ? chunk : encode(chunk, rows, arena);
      sink.write(reordered(encoded, rows, arena).asByteBuffer());
    }
  }

  private MemorySegment reordered(MemorySegment encoded, int rows, Arena arena) {
    TensorHeader header =
        new TensorHeader(
            source.name(),
            to.name(),
            java.util.List.of((long) rows, (long) entry.columns()),
            encoded.byteSize());
    return entry.order().apply(encoded, header, arena);
  }

  private MemorySegment encode(MemorySegment chunk, int rows, Arena arena) {
    DType dtype = WeightCodec.dtype(to);
    int columns = entry.columns();
    long fromRow = chunk.byteSize() / rows;
    long toRow = to.byteSize(columns);
    // A copy, so that any thread may read it.
    MemorySegment shared = arena.allocate(chunk.byteSize(), 64).copyFrom(chunk);
    MemorySegment encoded = arena.allocate(rows * toRow, 64);
    try {
      IntStream.range(0, rows)
          .parallel()
          .forEach(row -> {
            float[] weights = new float[columns];
            WeightCodec.decode(from, shared, row * fromRow, weights);
            WeightCodec.encode(dtype, weights, encoded, row * toRow);
          });
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(
          source.file(), "tensor " + source.name() + ": " + e.getMessage(), e);
    }
    return encoded;
  }
}
