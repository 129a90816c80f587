package dev.consilium.model.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
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

  /** Opens the one file, or else all shards. */
  static WeightFiles open(Path directory) {
    WeightFiles weights = new WeightFiles();
    try {
      if (Files.exists(directory.resolve(SINGLE))) {
        weights.openFile(directory.resolve(SINGLE));
      } else if (Files.exists(directory.resolve(INDEX))) {
        weights.openShards(directory);
      } else {
        throw new CheckpointException(
            directory,
            "has neither %s nor %s; other weight formats are not supported"
                .formatted(SINGLE, INDEX));
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
    Path index = directory.resolve(INDEX);
    SortedMap<String, String> shardOf = ShardIndex.read(index);
    Collection<String> shards = new TreeSet<>(shardOf.values());
    if (shards.size() > MAX_SHARDS) {
      throw new CheckpointException(
          index, "names %d shards, want at most %d".formatted(shards.size(), MAX_SHARDS));
    }
    for (String shard : shards) {
      Path file = directory.resolve(shard);
      if (!Files.exists(file)) {
        throw new CheckpointException(
            file, "does not exist, but " + INDEX + " names it: download it");
      }
      openFile(file);
    }
    checkIndex(index, shardOf);
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
