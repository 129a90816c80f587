package dev.consilium.cli;

import dev.consilium.cli.cluster.Installation;
import dev.consilium.model.gguf.GgufException;
import dev.consilium.model.gguf.GgufModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The model that a command works with. */
final class ModelOption {

  @Option(
      names = {"-m", "--model"},
      paramLabel = "DIR",
      description =
          "Model: a Hugging Face directory with config.json and safetensors, or a GGUF file. Default: the demo model.")
  private Optional<Path> model = Optional.empty();

  /** The directory, which exists and looks like a model. */
  Path directory() {
    return model.map(ModelOption::checked).orElseGet(Installation::demoModel);
  }

  /**
   * The directory of a command that also takes it without the option.
   *
   * @param named without the option
   */
  Path directory(Optional<Path> named) {
    if (named.isPresent() && model.isPresent()) {
      throw new CommandFailure(
          "the model is named twice, %s and --model %s: expected one"
              .formatted(named.get(), model.get()));
    }
    return named.map(ModelOption::checked).orElseGet(this::directory);
  }

  /** Refuses early what is no model at all; what is wrong inside is told by those who read it. */
  static Path checked(Path directory) {
    if (!Files.exists(directory)) {
      throw new CommandFailure("model %s does not exist".formatted(directory.toAbsolutePath()));
    }
    if (!isGguf(directory) && !Files.isRegularFile(directory.resolve("config.json"))) {
      throw new CommandFailure(
          "%s is no model: it has no config.json; expected a Hugging Face directory with config.json and"
                  .formatted(directory.toAbsolutePath())
              + " *.safetensors, or a GGUF file");
    }
    return directory;
  }

  private static boolean isGguf(Path path) {
    try {
      return GgufModel.find(path).isPresent();
    } catch (GgufException several) {
      throw new CommandFailure(String.valueOf(several.getMessage()), several);
    }
  }
}
