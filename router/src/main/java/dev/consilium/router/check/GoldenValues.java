package dev.consilium.router.check;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.model.checkpoint.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The golden values of a model directory: {@code golden.safetensors} and {@code golden.json}.
 *
 * <p>Tensors: {@code input_ids [T]}, {@code logits [T, vocabulary]}, {@code hidden.L [T, hidden]}
 * after layer L, {@code router_logits.L [T, experts]}, {@code topk_ids.L} and {@code topk_weights.L
 * [T, k]}, {@code greedy_ids [G]} after the first {@code prompt_length} inputs, and {@code
 * greedy_logits [G, vocabulary]}.
 */
final class GoldenValues implements AutoCloseable {
  private final SafetensorsFile file;
  private final int promptLength;

  private GoldenValues(SafetensorsFile file, int promptLength) {
    this.file = file;
    this.promptLength = promptLength;
  }

  /**
   * @throws CheckpointException if the files are missing or damaged
   */
  static GoldenValues open(Path directory) {
    Path json = directory.resolve("golden.json");
    Path tensors = directory.resolve("golden.safetensors");
    if (!Files.exists(json) || !Files.exists(tensors)) {
      throw new CheckpointException(
          directory, "has no golden.json and golden.safetensors: there is nothing to compare with");
    }
    try {
      JsonNode golden = new JsonMapper().readTree(json.toFile());
      int promptLength = golden.path("prompt_length").asInt(0);
      if (promptLength < 1) {
        throw new CheckpointException(json, "prompt_length is missing or not a positive number");
      }
      return new GoldenValues(SafetensorsFile.open(tensors), promptLength);
    } catch (IOException e) {
      throw new CheckpointException(json, "cannot be read: " + e.getMessage(), e);
    }
  }

  int promptLength() {
    return promptLength;
  }

  int[] ids(String name) {
    long[] ids = file.tensor(name).integers();
    int[] narrow = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      narrow[i] = Math.toIntExact(ids[i]);
    }
    return narrow;
  }

  float[] floats(String name) {
    return file.tensor(name).floats();
  }

  Optional<float[]> floatsIfThere(String name) {
    return file.has(name) ? Optional.of(floats(name)) : Optional.empty();
  }

  @Override
  public void close() {
    file.close();
  }
}
