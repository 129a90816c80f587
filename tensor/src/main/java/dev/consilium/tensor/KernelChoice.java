package dev.consilium.tensor;

/** Chooses the kernels once, when first asked. */
final class KernelChoice {
  static final Kernels SCALAR = new ScalarKernels();
  static final Kernels BEST =
      vectorModulePresent(ModuleLayer.boot()) ? new VectorKernels() : SCALAR;

  private KernelChoice() {}

  /** False when the JVM was started without {@code --add-modules jdk.incubator.vector}. */
  static boolean vectorModulePresent(ModuleLayer layer) {
    return layer.findModule("jdk.incubator.vector").isPresent();
  }
}
