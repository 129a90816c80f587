package dev.consilium.cli.inspect;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.model.checkpoint.DescribedCheckpoint;
import dev.consilium.model.checkpoint.ModelSummary;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.router.KvCacheDType;
import dev.consilium.tensor.KvDType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;

/**
 * What can be said about a model.
 *
 * @param path as it was given
 * @param explanation empty if the configuration, or the GGUF file, is refused
 * @param problem why the model cannot be used; empty if it can, or if only its weights are not here
 */
public record InspectedModel(
    Path path, Optional<Explanation> explanation, Optional<String> problem) {

  /**
   * A model whose configuration we understand.
   *
   * @param fingerprint of the weights; empty if they are not here or not usable: then sizes follow
   *     from the configuration
   * @param summary sizes in memory
   * @param storedBytes in files, by element type
   * @param kvDType that its cache has by itself
   */
  public record Explanation(
      ModelSpec spec,
      Optional<String> fingerprint,
      ModelSummary summary,
      SortedMap<String, Long> storedBytes,
      KvDType kvDType) {}

  /**
   * Looks at headers and configuration; no weight is read.
   *
   * @param path a GGUF file, a model directory with or without weights, or a {@code config.json}
   */
  public static InspectedModel of(Path path) {
    boolean configured = Files.isRegularFile(path.resolve("config.json"));
    if (!Checkpoint.hasWeights(path)) {
      return described(path, Optional.empty());
    }
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      return new InspectedModel(path, Optional.of(explained(checkpoint)), Optional.empty());
    } catch (CheckpointException e) {
      Optional<String> problem = Optional.of(String.valueOf(e.getMessage()));
      return configured
          ? described(path, problem)
          : new InspectedModel(path, Optional.empty(), problem);
    }
  }

  private static Explanation explained(Checkpoint checkpoint) {
    return new Explanation(
        checkpoint.spec(),
        Optional.of(checkpoint.fingerprint()),
        ModelSummary.of(checkpoint),
        checkpoint.storedBytes(),
        KvCacheDType.AUTO.dtype(checkpoint));
  }

  /** By the configuration alone. */
  private static InspectedModel described(Path path, Optional<String> problem) {
    try {
      DescribedCheckpoint described = DescribedCheckpoint.read(path);
      SortedMap<String, Long> stored = described.storedBytes();
      KvDType kvDType = stored.keySet().equals(Set.of("F32")) ? KvDType.F32 : KvDType.F16;
      Explanation explanation =
          new Explanation(described.spec(), Optional.empty(), described.summary(), stored, kvDType);
      return new InspectedModel(path, Optional.of(explanation), problem);
    } catch (CheckpointException e) {
      return new InspectedModel(
          path, Optional.empty(), Optional.of(String.valueOf(e.getMessage())));
    }
  }
}
