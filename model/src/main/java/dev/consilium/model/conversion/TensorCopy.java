package dev.consilium.model.conversion;

import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.model.checkpoint.CheckpointTensor;
import dev.consilium.model.checkpoint.TensorHeader;
import dev.consilium.model.conversion.Piece.Change;
import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Copies a piece of a weight into a file, encoded anew where types differ or values change, a few
 * rows at a time (all of them where their order changes).
 */
final class TensorCopy {

  /** Weights that are in memory at once as f32. */
  private static final int CHUNK_WEIGHTS = 1 << 23;

  private final CheckpointTensor source;
  private final Piece piece;
  private final DType from;
  private final GgufTensorType to;

  /**
   * @param to how the file encodes it
   */
  TensorCopy(CheckpointTensor source, Piece piece, GgufTensorType to) {
    this.source = source;
    this.piece = piece;
    this.from = source.dtype();
    this.to = to;
  }

  void write(GgufWriter.Sink sink) throws IOException {
    int step =
        piece.atOnce()
            ? piece.rows()
            : Math.clamp(CHUNK_WEIGHTS / piece.columns(), 1, piece.rows());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment stored = source.bytes(arena);
      for (int row = 0; row < piece.rows(); row += step) {
        write(stored, row, Math.min(step, piece.rows() - row), sink);
      }
    }
  }

  private void write(MemorySegment stored, int first, int rows, GgufWriter.Sink sink)
      throws IOException {
    long fromRow = from.rowBytes(piece.columns());
    boolean same = from.name().equals(to.name()) && piece.change() instanceof Change.None;
    try (Arena arena = Arena.ofShared()) {
      MemorySegment chunk = stored.asSlice((piece.from() + first) * fromRow, rows * fromRow);
      MemorySegment encoded = same ? chunk : encode(chunk, rows, arena);
      sink.write(reordered(encoded, rows, arena).asByteBuffer());
    }
  }

  private MemorySegment reordered(MemorySegment encoded, int rows, Arena arena) {
    TensorHeader header =
        new TensorHeader(
            source.name(),
            to.name(),
            List.of((long) rows, (long) piece.columns()),
            encoded.byteSize());
    return piece.order().apply(encoded, header, arena);
  }

  private MemorySegment encode(MemorySegment chunk, int rows, Arena arena) {
    // A copy, so that any thread may read it.
    MemorySegment shared = arena.allocate(chunk.byteSize(), 64).copyFrom(chunk);
    try {
      return piece.change() instanceof Change.Transposed
          ? encodeColumns(shared, rows, arena)
          : encodeRows(shared, rows, arena);
    } catch (IllegalArgumentException e) {
      // From another thread it comes wrapped in one of its kind.
      Throwable first = e.getCause() instanceof IllegalArgumentException inner ? inner : e;
      throw new CheckpointException(
          source.file(), "tensor " + source.name() + ": " + first.getMessage(), e);
    }
  }

  private MemorySegment encodeRows(MemorySegment shared, int rows, Arena arena) {
    DType dtype = WeightCodec.dtype(to);
    int columns = piece.columns();
    long fromRow = from.rowBytes(columns);
    long toRow = to.byteSize(columns);
    MemorySegment encoded = arena.allocate(rows * toRow, 64);
    IntStream.range(0, rows)
        .parallel()
        .forEach(row -> {
          float[] weights = new float[columns];
          WeightCodec.decode(from, shared, row * fromRow, weights);
          change(weights);
          WeightCodec.encode(dtype, weights, encoded, row * toRow);
        });
    return encoded;
  }

  private MemorySegment encodeColumns(MemorySegment shared, int rows, Arena arena) {
    DType dtype = WeightCodec.dtype(to);
    int columns = piece.columns();
    float[] weights = new float[rows * columns];
    long fromRow = from.rowBytes(columns);
    float[] ofRow = new float[columns];
    for (int row = 0; row < rows; row++) {
      WeightCodec.decode(from, shared, row * fromRow, ofRow);
      for (int column = 0; column < columns; column++) {
        weights[column * rows + row] = ofRow[column];
      }
    }
    long toRow = to.byteSize(rows);
    MemorySegment encoded = arena.allocate(columns * toRow, 64);
    for (int column = 0; column < columns; column++) {
      float[] one = Arrays.copyOfRange(weights, column * rows, (column + 1) * rows);
      WeightCodec.encode(dtype, one, encoded, column * toRow);
    }
    return encoded;
  }

  private void change(float[] weights) {
    switch (piece.change()) {
      case Change.None _, Change.Transposed _ -> {}
      case Change.PlusOne _ -> {
        for (int i = 0; i < weights.length; i++) {
          weights[i] += 1;
        }
      }
      case Change.RateOfLogarithm _ -> {
        for (int i = 0; i < weights.length; i++) {
          weights[i] = -(float) StrictMath.exp(weights[i]);
        }
      }
      case Change.InTurns turns -> turn(weights, turns);
    }
  }

  private static void turn(float[] weights, Change.InTurns turns) {
    float[] ours = weights.clone();
    int width = turns.width();
    for (int group = 0; group < turns.groups(); group++) {
      for (int head = 0; head < turns.heads(); head++) {
        int from = (group * turns.heads() + head) * width;
        System.arraycopy(ours, from, weights, (head * turns.groups() + group) * width, width);
      }
    }
  }
}
