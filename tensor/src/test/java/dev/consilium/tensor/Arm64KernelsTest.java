package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The kernels in C for arm64, on a machine that is none: built by a cross compiler without a
 * warning and run by an emulator, they compute what this machine's do. Debian has both as
 * gcc-aarch64-linux-gnu and qemu-user.
 */
class Arm64KernelsTest {
  private static final String COMPILER = "aarch64-linux-gnu-gcc";
  private static final String EMULATOR = "qemu-aarch64";

  @TempDir private Path directory;

  @Test
  @Timeout(300)
  void kernels_builtForArm64AndEmulated_computeTheSame() throws Exception {
    for (String program : List.of("cc", COMPILER, EMULATOR)) {
      assumeTrue(onPath(program), program + " is not installed");
    }
    assumeTrue(KernelParity.nativeCount() > 0, "this machine has no native kernels");
    try (ExecutorService builds = Executors.newFixedThreadPool(2)) {
      Future<Path> ofHere = builds.submit(() -> build("cc", "here"));
      Future<Path> ofArm64 = builds.submit(() -> build(COMPILER, "arm64"));
      List<String> here = run(ofHere.get().toString());
      List<String> emulated = run(EMULATOR, "-cpu", "max", ofArm64.get().toString());
      assertThat(here).hasSizeGreaterThan(500);
      assertThat(emulated).isEqualTo(here);
    }
  }

  private static boolean onPath(String program) {
    return Arrays.stream(System.getenv("PATH").split(":", -1))
        .anyMatch(place -> Files.isExecutable(Path.of(place, program)));
  }

  /** As build.sh does; warnings are errors. */
  private Path build(String compiler, String name) throws IOException, InterruptedException {
    Path sources = Fixtures.root().resolve("tensor/src/main/c");
    Path program = directory.resolve(name);
    List<String> command =
        new ArrayList<>(
            List.of(
                compiler,
                "-std=gnu11",
                "-O3",
                "-ffp-contract=off",
                "-fno-math-errno",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-static",
                "-I" + sources,
                "-o",
                program.toString(),
                Fixtures.root().resolve("tensor/src/test/c/parity.c").toString()));
    try (Stream<Path> files = Files.list(sources)) {
      files.map(Path::toString).filter(file -> file.endsWith(".c")).forEach(command::add);
    }
    command.add("-lm");
    run(command.toArray(String[]::new));
    return program;
  }

  private static List<String> run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output.lines().toList();
  }
}
