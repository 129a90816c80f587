package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Every compiler tier must manage the kernels: a method that the first tier gives up on ("out of
 * virtual registers") may stay interpreted for good, a hundred times slower, without any message.
 */
class CompilationTest {
  private static final int COLUMNS = 300;

  @Test
  void kernels_whenHot_noCompilationIsGivenUp() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+PrintCompilation",
                "-cp",
                System.getProperty("java.class.path"),
                CompilationTest.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    List<String> ours =
        output.lines().filter(line -> line.contains("dev.consilium.tensor.")).toList();
    assertThat(ours).anyMatch(line -> line.contains("F32Panels::multiply4"));
    assertThat(ours).anyMatch(line -> line.contains("Bf16Panels::multiplyPairs"));
    assertThat(ours).anyMatch(line -> line.contains("AttentionPanels::score4"));
    assertThat(ours).anyMatch(line -> line.contains("VectorRecurrence::columns4"));
    assertThat(ours).noneMatch(CompilationTest::givenUp);
  }

  /** A compilation that met a class being loaded is tried again; the others are not. */
  private static boolean givenUp(String line) {
    return line.contains("COMPILE SKIPPED") && !line.contains("concurrent class loading");
  }

  /** Makes the kernels hot. */
  public static void main(String[] args) {
    Random random = new Random(1);
    for (DType dtype : DType.values()) {
      for (int tokens = 1; tokens <= 4; tokens++) {
        multiplyOften(random, dtype, tokens);
      }
    }
    attendOften(random);
    recurOften(random);
  }

  private static void recurOften(Random random) {
    MemorySegment x = Samples.vector(random, 64 + 80, 0, Samples::normal);
    MemorySegment state = Samples.vector(random, 33 * 80, 0, Samples::normal);
    StateColumns columns = new StateColumns(state, 0, 32, 80, 4 * 80);
    MemorySegment rates = Samples.vector(random, 33 * 80, 0, r -> -r.nextFloat());
    for (StateUpdate.Rule rule : StateUpdate.Rule.values()) {
      recurOften(columns, rule, new StateDecay.Factors(x, 0, 4), x);
      recurOften(columns, rule, new StateDecay.Rates(rates, 0, 4 * 80, x, 0), x);
    }
  }

  private static void recurOften(
      StateColumns columns, StateUpdate.Rule rule, StateDecay decay, MemorySegment x) {
    StateUpdate update = new StateUpdate(rule, decay, 0.5f, x, 0, 4 * 32, x, 4 * 64);
    for (int i = 0; i < 5000; i++) {
      KernelChoice.JAVA.recur(columns, update, columns.memory(), 4 * 32 * 80);
    }
  }

  private static void multiplyOften(Random random, DType dtype, int tokens) {
    int columns = Samples.wholeBlocks(dtype, COLUMNS);
    F32Matrix x = Samples.matrix(random, tokens, columns, Samples::normal);
    F32Matrix y = F32Matrix.allocate(tokens, 64);
    int[] rows = new int[tokens];
    try (PackedMatrix weights = Samples.packed(random, dtype, 64, columns)) {
      MatmulJob job = new MatmulJob(weights, x, rows, y, 0);
      for (int i = 0; i < 2000; i++) {
        KernelChoice.JAVA.multiply(job, 0, 1, 0, tokens);
      }
    }
  }

  private static void attendOften(Random random) {
    for (KvDType dtype : KvDType.values()) {
      AttentionShape shape = new AttentionShape(4, 1, 80, 0.1f, dtype);
      AttentionSample sample =
          AttentionSample.of(random, shape, 100, 2, Integer.MAX_VALUE, Samples::normal);
      for (int i = 0; i < 1500; i++) {
        sample.attend(KernelChoice.JAVA, 1 + i % 2);
      }
    }
  }
}
