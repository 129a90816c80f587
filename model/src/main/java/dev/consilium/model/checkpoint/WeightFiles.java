package dev.consilium.model.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/** The open safetensors files of a checkpoint, and which of them holds which tensor. */
final class WeightFiles implements Weights {

  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  /** The largest published checkpoints have some 200. */
  private static final int MAX_SHARDS = 1024;

  private final Map<String, SafetensorsFile> files = new LinkedHashMap<>();
  private final SortedMap<String, SafetensorsFile> byTensor = new TreeMap<>();

  private WeightFiles() {}

  /** Whether a directory has any. */
  static boolean areIn(Path directory) {
    return Files.exists(directory.resolve(SINGLE)) || Files.exists(directory.resolve(INDEX));
  }

  /**
   * The one file, or else all shards; they may be missing.
   *
   * @throws CheckpointException if there is neither, or the index cannot be used
   */
  static List<Path> paths(Path directory) {
    return Files.exists(directory.resolve(SINGLE))
        ? List.of(directory.resolve(SINGLE))
        : shards(directory, index(directory));
  }

  private static SortedMap<String, String> index(Path directory) {
    if (!Files.exists(directory.resolve(INDEX))) {
      throw new CheckpointException(
          directory,
          "has neither %s nor %s; other weight formats are not supported".formatted(SINGLE, INDEX));
    }
    return ShardIndex.read(directory.resolve(INDEX));
  }

  private static List<Path> shards(Path directory, SortedMap<String, String> shardOf) {
    Set<String> shards = new TreeSet<>(shardOf.values());
    if (shards.size() > MAX_SHARDS) {
      throw new CheckpointException(
          directory.resolve(INDEX),
          "names %d shards, want at most %d".formatted(shards.size(), MAX_SHARDS));
    }
    return shards.stream().map(directory::resolve).toList();
  }

  /** Opens the one file, or else all shards. */
  static WeightFiles open(Path directory) {
    WeightFiles weights = new WeightFiles();
    try {
      if (Files.exists(directory.resolve(SINGLE))) {
        weights.openFile(directory.resolve(SINGLE));
      } else {
        weights.openShards(directory);
      }
      return weights;
    } catch (RuntimeException | Error e) {
      weights.close();
      throw e;
    }
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(byTensor.keySet());
  }

  @Override
  public boolean has(String name) {
    return byTensor.containsKey(name);
  }

  @Override
  public CheckpointTensor tensor(String name) {
    SafetensorsFile file = byTensor.get(name);
    if (file == null) {
      throw new CheckpointException(directory(), "no file holds tensor " + name);
    }
    return file.tensor(name);
  }

  private Path directory() {
    Path file = files.values().iterator().next().path();
    Path parent = file.getParent();
    return parent == null ? file : parent;
  }

  private void openShards(Path directory) {
    SortedMap<String, String> shardOf = index(directory);
    for (Path file : shards(directory, shardOf)) {
      if (!Files.exists(file)) {
        throw new CheckpointException(
            file, "does not exist, but " + INDEX + " names it: download it");
      }
      openFile(file);
    }
    checkIndex(directory.resolve(INDEX), shardOf);
  }

  private void openFile(Path path) {
    SafetensorsFile file = SafetensorsFile.open(path);
    files.put(String.valueOf(path.getFileName()), file);
    for (String name : file.names()) {
      SafetensorsFile other = byTensor.putIfAbsent(name, file);
      if (other != null) {
        throw new CheckpointException(
            path, "tensor " + name + " is also in " + other.path().getFileName());
      }
    }
  }

  private void checkIndex(Path index, SortedMap<String, String> shardOf) {
    shardOf.forEach((name, shard) -> {
      SafetensorsFile file = files.get(shard);
      if (file == null || !file.has(name)) {
        throw new CheckpointException(
            index, "says that tensor %s is in %s, but it is not".formatted(name, shard));
      }
    });
    byTensor.forEach((name, file) -> {
      if (!shardOf.containsKey(name)) {
        throw new CheckpointException(
            file.path(), "holds tensor " + name + ", which " + INDEX + " does not name");
      }
    });
  }

  @Override
  public void close() {
    files.values().forEach(SafetensorsFile::close);
  }
}
