package dev.consilium.model.checkpoint;

import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import java.util.ArrayList;
import java.util.List;

/**
 * Several matrices with as many columns, one under the other. Neighbours that are encoded alike are
 * one packed matrix; quantised files encode some parts with more bits than others, and those stay
 * apart.
 *
 * <p>Read-only; any number of threads may use it until {@link #close}.
 */
public final class StackedMatrix implements AutoCloseable {

  private final List<PackedMatrix> parts;

  /**
   * Takes the parts over.
   *
   * @param parts from the top, at least one, all with as many columns
   */
  public StackedMatrix(List<PackedMatrix> parts) {
    this.parts = List.copyOf(parts);
  }

  public int rows() {
    return parts.stream().mapToInt(PackedMatrix::rows).sum();
  }

  public int columns() {
    return parts.getFirst().columns();
  }

  /** The packed matrices it is made of, from the top. */
  public List<PackedMatrix> parts() {
    return parts;
  }

  /** Bytes of memory held. */
  public long byteSize() {
    long bytes = 0;
    for (PackedMatrix part : parts) {
      bytes += part.byteSize();
    }
    return bytes;
  }

  /** Reads one row, widened to f32, see {@link PackedMatrix#unpackRow}. */
  public void unpackRow(int row, float[] into) {
    int from = 0;
    for (PackedMatrix part : parts) {
      if (row < from + part.rows()) {
        part.unpackRow(row - from, into);
        return;
      }
      from += part.rows();
    }
    throw new IndexOutOfBoundsException("row " + row + " of " + from);
  }

  /**
   * The products that give {@code y[yFrom + i][0..rows) = this * x[xRows[i]]}, all to be run.
   *
   * @param y with at least {@link #rows()} columns
   */
  public List<MatmulJob> jobs(F32Matrix x, int[] xRows, F32Matrix y, int yFrom) {
    if (parts.size() == 1) {
      return List.of(new MatmulJob(parts.getFirst(), x, xRows, y, yFrom));
    }
    List<MatmulJob> jobs = new ArrayList<>(parts.size());
    int column = 0;
    for (PackedMatrix part : parts) {
      jobs.add(new MatmulJob(part, x, xRows, y.columns(column, part.rows()), yFrom));
      column += part.rows();
    }
    return jobs;
  }

  @Override
  public void close() {
    parts.forEach(PackedMatrix::close);
  }
}
