package dev.consilium.expertnode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.placement.Share;
import dev.consilium.serving.ConfigException;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.serving.ProcessConfig;
import dev.consilium.serving.ProcessSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NodeConfigTest {

  @Test
  void of_fewSettings_takesDefaults() {
    ExpertNodeConfig config = read("--node.share=1/3", "--node.threads=2");
    assertThat(config.share()).contains(new Share(1, 3));
    assertThat(config.device().threads()).isEqualTo(2);
    assertThat(config.limits()).isEqualTo(ExpertNodeConfig.Limits.DEFAULT);
    assertThat(config.identity().epoch()).isEqualTo(77);
  }

  @Test
  void of_shareNone_loadsNothing() {
    assertThat(read("--node.share=none").share()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "--node.port=70000, consilium.node.port is 70000",
    "--node.share=2/2, consilium.node.share: share is 2/2",
    "--node.share=half, consilium.node.share",
    "--node.threads=0, consilium.node.threads is 0",
    "--node.epoch=0, consilium.node.epoch is 0",
    "--node.queue-limit=0, consilium.node.queue-limit is 0",
    "--node.queue-memory=0, consilium.node.queue-memory is 0",
    "--node.stream-memory=0, consilium.node.stream-memory is 0",
    "--node.max-tokens-per-dispatch=0, consilium.node.max-tokens-per-dispatch is 0",
    "--node.max-gathered-assignments=0, consilium.node.max-gathered-assignments is 0",
    "--node.dispatch-timeout=0s, consilium.node.dispatch-timeout is PT0S",
    "--node.memory-budget=lots, consilium.node.memory-budget",
    "--node.treads=2, consilium.node.treads"
  })
  void of_badSetting_namesKey(String argument, String named) {
    assertThatThrownBy(() -> read(argument))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(named);
  }

  private static ExpertNodeConfig read(String... arguments) {
    List<String> all = Stream.concat(Stream.of("--model=m"), Arrays.stream(arguments)).toList();
    ProcessConfig config =
        ProcessConfig.load(all, List.of(ProcessSettings.class, NodeSettings.class));
    return ExpertNodeConfig.of(
        config.get(NodeSettings.class),
        Path.of("m"),
        GrpcLimits.DEFAULT,
        Duration.ofSeconds(20),
        77);
  }
}
