package dev.consilium.cli;

import dev.consilium.cli.text.EngineSource;
import dev.consilium.cli.text.GatewaySource;
import dev.consilium.cli.text.TextSource;
import dev.consilium.router.RouterOptions;
import dev.consilium.tensor.Processors;
import java.net.URI;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Who generates: an engine in this process, or a gateway that runs already. */
final class SourceOptions {

  @Mixin private final ModelOption model = new ModelOption();

  @Option(
      names = "--url",
      description =
          "Ask a running gateway instead of loading a model, for example http://127.0.0.1:8080.")
  private Optional<URI> url = Optional.empty();

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "0",
      description = "Computing threads; 0: one for each core.")
  private int threads;

  @Mixin private final KvDTypeOption kvDType = new KvDTypeOption();

  TextSource open() {
    if (threads < 0) {
      throw new CommandFailure("--threads is " + threads + ", expected 0 or more");
    }
    if (url.isPresent()) {
      return new GatewaySource(url.get());
    }
    return EngineSource.open(
        model.directory(),
        RouterOptions.inProcess(threads > 0 ? threads : Processors.cores())
            .withKvDType(kvDType.choice()));
  }
}
