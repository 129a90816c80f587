package dev.consilium.cli.bench;

import dev.consilium.cli.CommandFailure;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.ModelSummary;
import dev.consilium.model.checkpoint.TensorHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * The model that is measured.
 *
 * @param path as it was given
 * @param family of models
 * @param weightType of most bytes
 * @param bytesByType of the tensors in the files
 * @param fileBytes of all files with weights
 */
public record ModelFile(
    Path path,
    String family,
    long parameters,
    long activeParameters,
    String weightType,
    Map<String, Long> bytesByType,
    long fileBytes) {

  /** Of an open checkpoint. */
  public static ModelFile of(Checkpoint checkpoint) {
    ModelSummary summary = ModelSummary.of(checkpoint);
    Map<String, Long> types = new TreeMap<>();
    for (TensorHeader header : checkpoint.headers().values()) {
      types.merge(header.dtype(), header.byteSize(), Long::sum);
    }
    return new ModelFile(
        checkpoint.directory(),
        checkpoint.spec().family(),
        summary.totalParameters(),
        summary.activeParameters(),
        types.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow().getKey(),
        types,
        checkpoint.weightFiles().stream().mapToLong(ModelFile::size).sum());
  }

  private static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException gone) {
      throw new CommandFailure("cannot tell the size of %s: %s".formatted(file, gone), gone);
    }
  }
}
