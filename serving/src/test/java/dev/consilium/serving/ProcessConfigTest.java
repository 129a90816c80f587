package dev.consilium.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProcessConfigTest {

  /** Settings of a process that is made for this test. */
  @ConfigMapping(prefix = "consilium.node")
  public interface NodeLike {
    @WithDefault("9200")
    int port();

    @WithDefault("5s")
    Duration queueTime();

    @WithDefault("1MiB")
    ByteSize queueMemory();
  }

  @TempDir Path directory;

  @Test
  void load_nothingButTheModel_takesDefaults() {
    ProcessConfig config = load(List.of("--model=m"), Map.of());
    assertThat(config.get(NodeLike.class).port()).isEqualTo(9200);
    assertThat(config.get(NodeLike.class).queueTime()).isEqualTo(Duration.ofSeconds(5));
    assertThat(config.get(NodeLike.class).queueMemory()).isEqualTo(new ByteSize(1 << 20));
    ProcessSettings settings = config.get(ProcessSettings.class);
    assertThat(settings.model()).isEqualTo(Path.of("m"));
    assertThat(GrpcLimits.of(settings.grpc())).isEqualTo(GrpcLimits.DEFAULT);
  }

  @Test
  void load_severalSources_takesTheNearest() throws Exception {
    Path file = directory.resolve("cluster.properties");
    Files.writeString(
        file, "consilium.model=file\nconsilium.node.port=1\nconsilium.router.nodes=a:1\n");
    Properties system = new Properties();
    system.setProperty("consilium.node.queue-time", "2s");
    ProcessConfig config =
        ProcessConfig.load(
            List.of("--config-file=" + file, "--consilium.node.queue-memory=7"),
            system,
            Map.of("CONSILIUM_NODE_PORT", "2", "CONSILIUM_NODE_QUEUE_TIME", "9s"),
            mappings());
    assertThat(config.get(ProcessSettings.class).model()).isEqualTo(Path.of("file"));
    assertThat(config.get(NodeLike.class).port()).isEqualTo(2);
    assertThat(config.get(NodeLike.class).queueTime()).isEqualTo(Duration.ofSeconds(2));
    assertThat(config.get(NodeLike.class).queueMemory()).isEqualTo(new ByteSize(7));
  }

  @ParameterizedTest
  @CsvSource({
    "--node.prot=1, consilium.node.prot",
    "--nodes.port=1, or consilium.node.port?",
    "--modell=x, consilium.modell",
    "--node.port=x, consilium.node.port",
    "--node.queue-time=5 years, consilium.node.queue-time",
    "--node.queue-memory=-1, consilium.node.queue-memory",
    "--grpc.keep-alive=soon, consilium.grpc.keep-alive",
    "--log-level=LOUD, consilium.log-level",
    "node.port=1, expected --key=value",
    "--node.port, expected --key=value",
    "--config-file=/does/not/exist, /does/not/exist"
  })
  void load_badArgument_namesKey(String argument, String named) {
    assertThatThrownBy(() -> load(List.of("--model=m", argument), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(named)
        .hasMessageNotContaining("SRCFG");
  }

  @Test
  void load_noModel_namesKey() {
    assertThatThrownBy(() -> load(List.of(), Map.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("consilium.model is required");
  }

  @Test
  void load_unknownVariable_namesIt() {
    assertThatThrownBy(() -> load(List.of("--model=m"), Map.of("CONSILIUM_NODE_PROT", "1")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("CONSILIUM_NODE_PROT");
  }

  @Test
  void load_variablesOfOtherProcesses_areLeftAlone() {
    load(List.of("--model=m"), Map.of("CONSILIUM_ROUTER_NODES", "a:1", "PATH", "/bin"));
  }

  @ParameterizedTest
  @CsvSource({
    "--grpc.max-message=1, consilium.grpc.max-message is 1",
    "--grpc.max-message=8TiB, consilium.grpc.max-message",
    "--grpc.keep-alive=1s, consilium.grpc.keep-alive is PT1S",
    "--grpc.max-calls-per-connection=0, consilium.grpc.max-calls-per-connection is 0"
  })
  void limits_outOfRange_nameKey(String argument, String named) {
    ProcessConfig config = load(List.of("--model=m", argument), Map.of());
    assertThatThrownBy(() -> GrpcLimits.of(config.get(ProcessSettings.class).grpc()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(named);
  }

  private static ProcessConfig load(List<String> arguments, Map<String, String> environment) {
    return ProcessConfig.load(arguments, new Properties(), environment, mappings());
  }

  private static List<Class<?>> mappings() {
    return new ArrayList<>(List.of(ProcessSettings.class, NodeLike.class));
  }
}
