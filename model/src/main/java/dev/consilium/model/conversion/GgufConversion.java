package dev.consilium.model.conversion;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.model.checkpoint.GenerationDefaults;
import dev.consilium.model.gguf.GgufException;
import dev.consilium.model.gguf.GgufMetadata;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufModel;
import dev.consilium.model.gguf.GgufSpec;
import dev.consilium.model.gguf.GgufSpecWriter;
import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.tokenizer.GgufTokenizerWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;

/**
 * Writes a model, from a Hugging Face directory or a GGUF file, as one GGUF file:
 *
 * <ol>
 *   <li>metadata: those of the source, if it is GGUF; else from its specification, tokenizer, chat
 *       template and sampling defaults;
 *   <li>the file's header, read back and compared with the source's specification: GGUF has no keys
 *       for some of what a specification can say, and such a model is refused;
 *   <li>tensor by tensor, encoded anew where types differ.
 * </ol>
 */
public final class GgufConversion {

  /** Is told how it goes on, on the thread that converts. */
  public interface Progress {
    /** Somebody who does not want to know. */
    Progress NONE = (tensor, bytes, total) -> {};

    /**
     * Another tensor is in the file.
     *
     * @param bytes of all that are
     * @param total bytes of all that will be
     */
    void written(String tensor, long bytes, long total);
  }

  private static final String FILE_TYPE = "general.file_type";
  private static final String QUANTISATION_VERSION = "general.quantization_version";

  /** What is about the file and not the model. */
  private static final Set<String> NOT_COPIED =
      Set.of(
          FILE_TYPE,
          QUANTISATION_VERSION,
          "general.alignment",
          "split.no",
          "split.count",
          "split.tensors.count");

  private final Checkpoint source;
  private final TensorTypes types;

  /** A conversion in which the roles of tensors alone say how they are encoded. */
  public GgufConversion(Checkpoint source, Quantisation quantisation) {
    this(source, new TensorTypes(quantisation, List.of()));
  }

  /**
   * A conversion.
   *
   * @param source stays open and unchanged
   */
  public GgufConversion(Checkpoint source, TensorTypes types) {
    this.source = source;
    this.types = types;
  }

  /**
   * Writes the file; if that fails, whatever was there before stays.
   *
   * @throws CheckpointException if the source cannot be read or GGUF cannot express it
   * @throws IOException if the target cannot be written
   */
  public void write(Path target, Progress progress) throws IOException {
    requireOther(target);
    Weights weights = new Weights(layout(), GgufSpecWriter.vectors(source.spec()), progress);
    GgufWriter writer = new GgufWriter(target, metadata(), weights.tensors());
    try {
      writer.write(weights);
    } catch (GgufException e) {
      throw new CheckpointException(
          source.directory(), "cannot be written as GGUF: " + e.problem(), e);
    }
  }

  private List<GgufLayout.Entry> layout() {
    try {
      List<GgufLayout.Entry> layout = GgufLayout.of(source.spec(), types);
      types.requireUsed(layout);
      return layout;
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(source.directory(), String.valueOf(e.getMessage()), e);
    }
  }

  private void requireOther(Path target) throws IOException {
    if (!Files.exists(target)) {
      return;
    }
    Set<Path> files = new HashSet<>(source.weightFiles());
    files.add(source.directory());
    for (Path file : files) {
      if (Files.isSameFile(target, file)) {
        throw new CheckpointException(target, "is the source as well; name another file");
      }
    }
  }

  private GgufMetadataBuilder metadata() throws IOException {
    GgufMetadataBuilder metadata = new GgufMetadataBuilder();
    Optional<Path> gguf = GgufModel.find(source.directory());
    if (gguf.isPresent()) {
      copyMetadata(gguf.get(), metadata);
    } else {
      describe(metadata);
    }
    metadata.whole(FILE_TYPE, types.others().fileType());
    metadata.whole(QUANTISATION_VERSION, 2);
    return metadata;
  }

  private static void copyMetadata(Path file, GgufMetadataBuilder metadata) {
    try (GgufModel model = GgufModel.open(file)) {
      GgufMetadata from = model.metadata();
      from.keys().stream()
          .filter(key -> !NOT_COPIED.contains(key))
          .forEach(key -> metadata.copy(from, key));
    } catch (GgufException e) {
      throw new CheckpointException(e.file(), e.problem(), e);
    }
  }

  private void describe(GgufMetadataBuilder metadata) throws IOException {
    Path directory = source.directory();
    try {
      GgufSpecWriter.write(source.spec(), metadata);
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(directory, String.valueOf(e.getMessage()), e);
    }
    metadata.text("general.type", "model");
    Path name = directory.toAbsolutePath().normalize().getFileName();
    metadata.text("general.name", name == null ? source.spec().family() : name.toString());
    GgufTokenizerWriter.write(directory, source.spec(), metadata);
    sampling(metadata, source.generationDefaults());
  }

  private static void sampling(GgufMetadataBuilder metadata, GenerationDefaults defaults) {
    String key = "general.sampling.";
    defaults.temperature().ifPresent(value -> metadata.real(key + "temp", value));
    defaults.topK().ifPresent(value -> metadata.whole(key + "top_k", value));
    defaults.topP().ifPresent(value -> metadata.real(key + "top_p", value));
    defaults.minP().ifPresent(value -> metadata.real(key + "min_p", value));
    defaults.repetitionPenalty().ifPresent(value -> metadata.real(key + "penalty_repeat", value));
  }

  /** Gives the file its tensors. */
  private final class Weights implements GgufWriter.Content {
    private final Map<String, GgufLayout.Entry> entries = new LinkedHashMap<>();
    private final SortedMap<String, float[]> vectors;
    private final Progress progress;
    private final long total;
    private long done;

    Weights(List<GgufLayout.Entry> layout, SortedMap<String, float[]> vectors, Progress progress) {
      layout.forEach(entry -> entries.put(entry.tensor().name(), entry));
      this.vectors = vectors;
      this.progress = progress;
      this.total = tensors().stream().mapToLong(GgufWriter.Tensor::byteSize).sum();
    }

    List<GgufWriter.Tensor> tensors() {
      List<GgufWriter.Tensor> tensors = new ArrayList<>();
      vectors.forEach((name, values) ->
          tensors.add(
              new GgufWriter.Tensor(name, GgufTensorType.F32, List.of((long) values.length))));
      entries.values().forEach(entry -> tensors.add(entry.tensor()));
      return tensors;
    }

    @Override
    public boolean describes(GgufWriter.Tensor tensor) {
      return vectors.containsKey(tensor.name());
    }

    @Override
    public void check(Path unfinished) {
      try (GgufModel model = GgufModel.open(unfinished)) {
        SpecDifference.between(GgufSpecWriter.expressed(source.spec()), GgufSpec.of(model))
            .ifPresent(difference -> {
              throw new CheckpointException(
                  source.directory(),
                  "GGUF has no way to say what this model's configuration says: " + difference);
            });
      }
    }

    @Override
    public void write(GgufWriter.Tensor tensor, GgufWriter.Sink sink) throws IOException {
      GgufLayout.Entry entry = entries.get(tensor.name());
      if (entry == null) {
        write(tensor.name(), sink);
      } else {
        for (Piece piece : entry.pieces()) {
          new TensorCopy(source.tensor(piece.source()), piece, tensor.type()).write(sink);
        }
      }
      done += tensor.byteSize();
      progress.written(tensor.name(), done, total);
    }

    private void write(String vector, GgufWriter.Sink sink) throws IOException {
      float[] values = vectors.get(vector);
      if (values == null) {
        throw new IllegalStateException("tensor " + vector + " is not part of the layout");
      }
      ByteBuffer bytes =
          ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(values);
      sink.write(bytes);
    }
  }
}
