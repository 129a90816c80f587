package dev.consilium.cli;

import dev.consilium.cli.cluster.Installation;
import dev.consilium.cli.inspect.InspectedModel;
import dev.consilium.cli.inspect.ModelJson;
import dev.consilium.cli.inspect.ModelText;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Explains a model, from its configuration and headers; no weight is read. */
@Command(
    name = "inspect",
    description =
        "Explain a model: attention, gate, experts, parameters, bytes; or which part of it is not"
            + " supported. Weights need not be there: a config.json is enough.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium inspect                       the demo model",
      "  consilium inspect ~/models/mixtral      will it fit? bytes of one expert times experts,"
          + " divided among nodes",
      "  consilium inspect ~/Downloads/config.json   before the weights are downloaded",
      "  consilium inspect --json DIR | jq .totalParameters",
    })
final class InspectCommand implements Callable<Integer> {

  @Parameters(
      paramLabel = "MODEL",
      description = "Model directories, GGUF files or config.json files. Default: the demo model.",
      arity = "0..*")
  private List<Path> models = new ArrayList<>();

  @Option(names = "--json", description = "For programs: one JSON object for each model.")
  private boolean json;

  private final Style style = Style.ofOutput();

  @Override
  public Integer call() {
    List<Path> paths = models.isEmpty() ? List.of(Installation.demoModel()) : models;
    List<String> problems = new ArrayList<>();
    for (Path path : paths) {
      InspectedModel model = InspectedModel.of(isConfig(path) ? path : ModelOption.checked(path));
      System.out.println(json ? ModelJson.of(model) : ModelText.of(model, style));
      model.problem().ifPresent(problems::add);
    }
    if (!problems.isEmpty()) {
      throw new CommandFailure(String.join("; ", problems));
    }
    return 0;
  }

  private static boolean isConfig(Path path) {
    return path.getFileName() != null
        && path.toString().endsWith(".json")
        && Files.isRegularFile(path);
  }
}
