package dev.consilium.model.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.model.family.ConfigException;
import dev.consilium.model.family.ExpertLayout;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelFamilies;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.WeightNames;
import dev.consilium.model.family.WeightStorage.ScaleBlocks;
import dev.consilium.tensor.DType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A checkpoint as its {@code config.json} alone describes it: what weights there must be, of which
 * shapes, and how large they probably are. Weight files are not looked at and need not be there.
 *
 * <p>Immutable.
 */
public final class DescribedCheckpoint {

  static final String CONFIG = "config.json";
  private static final long MAX_CONFIG_BYTES = 8 << 20;

  /** More than any model has, so that a configuration cannot keep us counting. */
  private static final int MAX_TENSORS = 1 << 21;

  private static final String BYTES = "U8";
  private static final String WIDE = "F32";
  private static final String FP8 = "F8_E4M3";

  private final ModelSpec spec;
  private final String dtype;
  private final Set<String> unscaled;

  private DescribedCheckpoint(Path file, ModelSpec spec, String dtype) {
    this.spec = spec;
    this.dtype = dtype;
    this.unscaled = unscaled(spec);
    checkCount(file);
  }

  /**
   * Reads a configuration.
   *
   * @param path a {@code config.json}, or the directory that it is in
   * @throws CheckpointException if it is missing, damaged, contradictory or not supported
   */
  public static DescribedCheckpoint read(Path path) {
    Path file = Files.isDirectory(path) ? path.resolve(CONFIG) : path;
    if (!Files.exists(file)) {
      throw new CheckpointException(
          path, "has no " + CONFIG + ": it is not a Hugging Face model directory");
    }
    JsonNode config = JsonFiles.tree(file, MAX_CONFIG_BYTES);
    try {
      return new DescribedCheckpoint(file, ModelFamilies.specify(config), dtype(config));
    } catch (ConfigException e) {
      throw new CheckpointException(file, String.valueOf(e.getMessage()), e);
    }
  }

  public ModelSpec spec() {
    return spec;
  }

  /** Sizes as they would be in memory. */
  public ModelSummary summary() {
    return ModelSummary.of(spec, this::header);
  }

  /**
   * Bytes in files by element type, as checkpoints of this storage usually are: with 8-bit or 4-bit
   * numbers, what is usually left wider is counted as such.
   */
  public SortedMap<String, Long> storedBytes() {
    SortedMap<String, Long> bytes = new TreeMap<>();
    SpecTensors.visit(spec, (name, shape) -> store(name, shape, bytes));
    return bytes;
  }

  /** What an open checkpoint would say about a tensor, by {@link HuggingFaceWeights}. */
  private TensorHeader header(String name, List<Long> shape) {
    if (isScaled(name, shape)) {
      ScaleBlocks blocks = spec.names().storage().scales().orElseThrow();
      return header(name, shape, ScaledBytes.dtype(blocks, shape.get(1)));
    }
    if (isMxfp4(name, shape)) {
      return header(name, shape, DType.F4_BLOCKS);
    }
    long bytes = elements(shape) * StorageType.named(dtype).orElseThrow().bits() / Byte.SIZE;
    return new TensorHeader(name, dtype, shape, bytes);
  }

  private static TensorHeader header(String name, List<Long> shape, DType type) {
    return new TensorHeader(name, type.name(), shape, shape.get(0) * type.rowBytes(shape.get(1)));
  }

  private void store(String name, List<Long> shape, SortedMap<String, Long> bytes) {
    long elements = elements(shape);
    if (isScaled(name, shape)) {
      ScaleBlocks blocks = spec.names().storage().scales().orElseThrow();
      long scales =
          Math.ceilDiv(shape.get(0), blocks.rows()) * Math.ceilDiv(shape.get(1), blocks.columns());
      bytes.merge(FP8, elements, Long::sum);
      bytes.merge(WIDE, scales * Float.BYTES, Long::sum);
    } else if (isMxfp4(name, shape)) {
      bytes.merge(BYTES, elements / 2 + elements / Mxfp4Rows.BLOCK, Long::sum);
    } else {
      bytes.merge(dtype, header(name, shape).byteSize(), Long::sum);
    }
  }

  private boolean isScaled(String name, List<Long> shape) {
    return spec.names().storage().scales().isPresent()
        && shape.size() == 2
        && !unscaled.contains(name);
  }

  private boolean isMxfp4(String name, List<Long> shape) {
    return spec.names().storage().experts() == ExpertLayout.MXFP4_ALTERNATING
        && shape.size() == 2
        && shape.get(1) % Mxfp4Rows.BLOCK == 0
        && name.contains("["); // the made-up name of a part of the experts' tensor
  }

  /** Matrices that are left as they are when others become 8-bit numbers. */
  private static Set<String> unscaled(ModelSpec spec) {
    WeightNames names = spec.names();
    Set<String> unscaled = new HashSet<>(List.of(names.embedding(), names.head()));
    for (LayerSpec layer : spec.layers()) {
      FeedForwardNames ofLayer = names.feedForward(layer.index());
      unscaled.add(ofLayer.gate().weight());
      unscaled.add(ofLayer.sharedGate());
    }
    return unscaled;
  }

  /** Absent: what nearly all open models are published in. */
  private static String dtype(JsonNode config) {
    String stated = config.path("dtype").asText(config.path("torch_dtype").asText());
    return switch (stated) {
      case "float32" -> WIDE;
      case "float16" -> "F16";
      default -> "BF16";
    };
  }

  private void checkCount(Path file) {
    long matrices = 3L * spec.expertCounts().values().stream().mapToLong(Integer::longValue).sum();
    if (matrices > MAX_TENSORS) {
      throw new CheckpointException(
          file,
          "describes %d matrices of experts, want at most %d".formatted(matrices, MAX_TENSORS));
    }
  }

  private static long elements(List<Long> shape) {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }
}
