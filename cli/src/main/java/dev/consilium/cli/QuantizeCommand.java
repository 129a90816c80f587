package dev.consilium.cli;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.conversion.TensorTypes;
import dev.consilium.serving.WriteFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a model as a GGUF file, with its weights encoded in fewer bits or as they are. */
@Command(
    name = "quantize",
    description = "Write a model as a GGUF file, with weights of fewer bits.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium quantize ~/models/qwen3 qwen3-q4_k.gguf --type q4_k",
      "  consilium quantize qwen3-bf16.gguf qwen3-q8_0.gguf --type q8_0",
      "  consilium quantize qwen3-bf16.gguf qwen3-mixed.gguf --type q4_k --tensor-type 'attn_(q|k|v)=q8_0'",
      "",
      "Norms and gates stay f32; the k types keep embedding and head in q6_k; mxfp4 is for experts, the rest gets"
          + " q8_0. Rows that are no whole blocks of a type get q8_0, or f32.",
    })
final class QuantizeCommand implements Callable<Integer> {

  @Parameters(
      index = "0",
      paramLabel = "IN",
      description = "Hugging Face directory or GGUF file (of a split one, the first part).")
  private Path in = Path.of("");

  @Parameters(index = "1", paramLabel = "OUT", description = "GGUF file to write.")
  private Path out = Path.of("");

  @Option(
      names = {"-t", "--type"},
      required = true,
      paramLabel = "TYPE",
      description = "One of ${COMPLETION-CANDIDATES}, in any case.")
  private Quantisation type = Quantisation.Q8_0;

  @Option(
      names = "--tensor-type",
      paramLabel = "NAMES=TYPE",
      description =
          "A type for the matrices in whose names the regular expression NAMES is found. May be given several times; the"
              + " first that is found holds.")
  private Map<Pattern, Quantisation> tensorTypes = new LinkedHashMap<>();

  @Option(names = "--force", description = "Replace OUT if it exists.")
  private boolean force;

  @Override
  public Integer call() {
    requireTarget(out, force);
    List<String> remarks;
    try (Checkpoint source = Checkpoint.open(ModelOption.checked(in));
        ProgressBar bar = new ProgressBar("quantize")) {
      remarks = new GgufConversion(source, types()).write(out, bar::show);
    } catch (IOException failed) {
      throw new CommandFailure(WriteFailure.words(out, failed), failed);
    }
    report(out);
    remarks.forEach(System.err::println);
    return 0;
  }

  private TensorTypes types() {
    List<TensorTypes.Rule> rules = new ArrayList<>();
    tensorTypes.forEach((names, wanted) -> rules.add(new TensorTypes.Rule(names, wanted)));
    return new TensorTypes(type, rules);
  }

  /** Refuses a place where no file can or should be written. */
  static void requireTarget(Path out, boolean force) {
    Path directory = out.toAbsolutePath().getParent();
    if (directory == null || !Files.isDirectory(directory)) {
      throw new CommandFailure("%s is in no directory that exists: make it first".formatted(out));
    }
    if (Files.isDirectory(out)) {
      throw new CommandFailure("%s is a directory; name a file to write".formatted(out));
    }
    if (Files.exists(out) && !Files.isRegularFile(out)) {
      throw new CommandFailure("%s is a device, pipe or socket; name a file".formatted(out));
    }
    if (Files.exists(out) && !force) {
      throw new CommandFailure("%s exists; --force replaces it".formatted(out));
    }
  }

  /** Says what has been written. */
  static void report(Path out) {
    try {
      System.out.println("wrote %s (%s)".formatted(out, Amounts.bytes(Files.size(out))));
    } catch (IOException gone) {
      throw new CommandFailure("%s was written, but is gone: %s".formatted(out, gone), gone);
    }
  }
}
