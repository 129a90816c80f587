package dev.consilium.router.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.router.KvCacheDType;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.testkit.Fixtures;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A router that holds all experts itself gives the numbers of the reference implementation. */
class GoldenCheckGoldenTest {
  static Stream<Path> models() {
    return Stream.concat(
        Fixtures.MODELS.stream().map(Fixtures::model), Stream.of(Fixtures.demoModel()));
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_inProcess_equalsReference(Path directory) {
    try (Checkpoint checkpoint = Checkpoint.open(directory);
        Router router =
            Router.open(
                checkpoint,
                RouterOptions.inProcess(2).withKvDType(KvCacheDType.F32),
                new Utilisation(),
                EngineObserver.NONE)) {
      GoldenReport whole = GoldenCheck.run(router, directory, 0);
      System.out.println(directory.getFileName() + " " + whole);
      assertThat(whole.problems()).isEmpty();
      assertThat(whole.logitError()).isLessThan(1e-4); // what float32 should reach with room
      for (int chunk : new int[] {1, 7}) {
        assertThat(GoldenCheck.run(router, directory, chunk)).isEqualTo(whole);
      }
    }
  }
}
