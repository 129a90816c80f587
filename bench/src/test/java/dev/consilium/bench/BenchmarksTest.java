package dev.consilium.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.tensor.Kernels;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Set;
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
    assertThat(names).contains("read", "multiplyAdd", "prefill", "decode");
    assertThat(names).containsAll(kernels());
  }

  /** What {@link Kernels} can do; attention is measured as a whole, in prefill and decode. */
  private static Set<String> kernels() {
    Set<String> kernels = new TreeSet<>();
    for (Method method : Kernels.class.getDeclaredMethods()) {
      if (Modifier.isPublic(method.getModifiers()) && !Modifier.isStatic(method.getModifiers())) {
        kernels.add(method.getName().replace("multiplyQuantised", "multiply"));
      }
    }
    kernels.removeAll(Set.of("description", "gathersTokens", "attend", "finishRows", "readAhead"));
    return kernels;
  }
}
