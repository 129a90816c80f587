package dev.consilium.router.forward;

import dev.consilium.model.family.WeightNames;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.F32Vector;
import java.util.Optional;

/** Biases beside matrices. */
final class Biases {
  private Biases() {}

  /** The bias beside a matrix. */
  static F32Vector load(WeightLoader loader, String matrix, int rows) {
    return loader.vector(WeightNames.bias(matrix), rows);
  }

  /** The bias beside a matrix, if it has one. */
  static Optional<F32Vector> loadIf(boolean has, WeightLoader loader, String matrix, int rows) {
    return has ? Optional.of(load(loader, matrix, rows)) : Optional.empty();
  }

  /** Adds a bias, if there is one, to the beginning of the first {@code rows} rows. */
  static void add(CpuDevice device, Optional<F32Vector> bias, int rows, F32Matrix into) {
    bias.ifPresent(values ->
        device.parallel(
            rows,
            row ->
                device
                    .kernels()
                    .add(values.segment(), 0, values.length(), into.segment(), into.offset(row))));
  }
}
