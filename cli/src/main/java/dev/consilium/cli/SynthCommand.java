package dev.consilium.cli;

import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.synthetic.SyntheticFamily;
import dev.consilium.model.synthetic.SyntheticModel;
import dev.consilium.model.synthetic.SyntheticShape;
import dev.consilium.serving.WriteFailure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a model with random weights, for benchmarks. */
@Command(
    name = "synth",
    description = "Write a model of a real shape with random weights, for benchmarks.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium synth small-q8_0.gguf",
      "  consilium synth medium-q4_k.gguf --size medium --type q4_k",
      "  consilium synth tiny.gguf --arch mixtral --size tiny --type bf16",
      "",
      "small: 703 million weights, 141 million active; medium: 3.5 billion, 640 million active. One --arch, --size"
          + " and --seed is one model, whatever its type.",
    })
final class SynthCommand implements Callable<Integer> {

  @Parameters(index = "0", paramLabel = "OUT", description = "GGUF file to write.")
  private Path out = Path.of("");

  @Option(
      names = "--arch",
      paramLabel = "FAMILY",
      description = "One of ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private SyntheticFamily family = SyntheticFamily.QWEN3MOE;

  @Option(
      names = "--size",
      paramLabel = "SIZE",
      description = "One of ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private SyntheticShape size = SyntheticShape.SMALL;

  @Option(
      names = {"-t", "--type"},
      paramLabel = "TYPE",
      description =
          "Of all matrices but gates: one of ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Quantisation type = Quantisation.Q8_0;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of the weights. Default: ${DEFAULT-VALUE}.")
  private long seed = 1;

  @Option(names = "--force", description = "Replace OUT if it exists.")
  private boolean force;

  @Override
  public Integer call() {
    QuantizeCommand.requireTarget(out, force);
    try (ProgressBar bar = new ProgressBar("synth")) {
      new SyntheticModel(family, size, type, seed).write(out, bar::show);
    } catch (IOException failed) {
      throw new CommandFailure(WriteFailure.words(out, failed), failed);
    }
    QuantizeCommand.report(out);
    return 0;
  }
}
