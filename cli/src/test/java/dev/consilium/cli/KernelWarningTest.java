package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kernels are chosen once in the life of a process, so each command has one of its own here. */
@Timeout(120)
class KernelWarningTest {

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({"bench,--load-only", "check,--chunk=7"})
  void command_noNativeLibrary_saysOnceThatItIsSlower(String command, String option)
      throws Exception {
    assertThat(errors("-Dos.arch=none", command, Fixtures.demoModel().toString(), option))
        .filteredOn(line -> line.contains("no native kernels"))
        .singleElement()
        .asString()
        .contains("models are computed more slowly: the build holds none for")
        .contains("-Dconsilium.native=off accepts that");
  }

  @Test
  void command_nativeLibraryNotWanted_saysNothing() throws Exception {
    String model = Fixtures.demoModel().toString();
    assertThat(errors("-Dconsilium.native=off", "bench", model, "--load-only"))
        .noneMatch(line -> line.contains("kernels"));
  }

  @Test
  void command_nativeLibraryNeitherOnNorOff_saysHowItIsTaken() throws Exception {
    String model = Fixtures.demoModel().toString();
    assertThat(errors("-Dconsilium.native=false", "bench", model, "--load-only"))
        .filteredOn(line -> line.contains("-Dconsilium.native=false means nothing"))
        .hasSize(1);
  }

  private List<String> errors(String jvmOption, String... arguments)
      throws IOException, InterruptedException {
    Path errors = directory.resolve("errors");
    ProcessBuilder process =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            jvmOption,
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            ConsiliumMain.class.getName());
    process.command().addAll(List.of(arguments));
    process.redirectError(errors.toFile()).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    int status = process.start().waitFor();
    List<String> lines = Files.readAllLines(errors, StandardCharsets.UTF_8);
    assertThat(status).as("%s", lines).isZero();
    return lines;
  }
}
