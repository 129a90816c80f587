package dev.consilium.tensor;

/** Chooses the kernels once, when first asked. */
final class KernelChoice {
  /** System property: "off" keeps to the kernels in Java. */
  static final String NATIVE_PROPERTY = "consilium.native";

  static final Kernels SCALAR = new ScalarKernels();

  /** The best of those in Java. */
  static final Kernels JAVA =
      vectorModulePresent(ModuleLayer.boot()) ? new VectorKernels() : SCALAR;

  static final Kernels BEST = wanted() ? best() : JAVA;

  private KernelChoice() {}

  /** False when the JVM was started without {@code --add-modules jdk.incubator.vector}. */
  static boolean vectorModulePresent(ModuleLayer layer) {
    return layer.findModule("jdk.incubator.vector").isPresent();
  }

  private static boolean wanted() {
    String value = System.getProperty(NATIVE_PROPERTY, "on");
    if (!value.equals("on") && !value.equals("off")) {
      warn("-D{0}={1} means nothing, want on or off: taken as on", NATIVE_PROPERTY, value);
    }
    return !value.equals("off");
  }

  private static Kernels best() {
    String reason = "the machine has none of the instructions that they need";
    try {
      NativeLibrary library = NativeLibrary.load();
      if (!library.levels().isEmpty()) {
        return NativeKernels.choose(library, JAVA).orElse(JAVA);
      }
    } catch (UnsupportedOperationException e) {
      reason = String.valueOf(e.getMessage());
    }
    warn(
        "no native kernels, models are computed more slowly: {0}. -D{1}=off accepts that",
        reason, NATIVE_PROPERTY);
    return JAVA;
  }

  private static void warn(String text, Object... values) {
    System.getLogger(KernelChoice.class.getName()).log(System.Logger.Level.WARNING, text, values);
  }
}
