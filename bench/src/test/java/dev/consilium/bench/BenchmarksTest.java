package dev.consilium.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Every benchmark runs; how fast is not looked at. */
class BenchmarksTest {

  @Test
  void benchmarks_calledOnce_giveAResult(@TempDir Path directory) throws Exception {
    // A measurement that runs beside this test does no harm to it.
    System.setProperty("jmh.ignoreLock", "true");
    Options options =
        new OptionsBuilder()
            .include("dev.consilium.bench")
            .forks(0)
            .warmupIterations(0)
            .measurementIterations(1)
            .measurementBatchSize(1)
            .mode(Mode.SingleShotTime)
            .param("threads", "2")
            .param("tokens", "1")
            .param("kernels", "best")
            .shouldFailOnError(true)
            .output(Files.createTempFile(directory, "jmh", ".txt").toString())
            .build();
    Collection<RunResult> results = new Runner(options).run();
    TreeSet<String> names = new TreeSet<>();
    results.forEach(result -> names.add(result.getPrimaryResult().getLabel()));
    assertThat(names)
        .contains(
            "read", "multiplyAdd", "multiply", "prefill", "decode", "rmsNorm", "siluMultiply");
  }
}
