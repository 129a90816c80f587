package dev.consilium.model.conversion;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.model.checkpoint.GenerationDefaults;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.WeightStorage.LatentLayout;
import dev.consilium.model.gguf.GgufException;
import dev.consilium.model.gguf.GgufMetadata;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufModel;
import dev.consilium.model.gguf.GgufSpec;
import dev.consilium.model.gguf.GgufSpecWriter;
import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.tokenizer.GgufTokenizerWriter;
import dev.consilium.tensor.DType;
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
 *   <li>metadata: those of the source, if it is GGUF, but where tensors are laid out anew or left
 *       out; else from its specification, tokenizer, chat template and sampling defaults;
 *   <li>the file's header, read back and compared with the source's specification: GGUF has no keys
 *       for some of what a specification can say, and such a model is refused;
 *   <li>tensor by tensor, encoded anew where types differ.
 * </ol>
 */
public final class GgufConversion {

  private static final String FILE_TYPE = "general.file_type";
  private static final String QUANTISATION_VERSION = "general.quantization_version";

  /** Beginnings of keys that are about the file and not the model. */
  private static final List<String> NOT_COPIED =
      List.of(
          FILE_TYPE,
          QUANTISATION_VERSION,
          "general.alignment",
          "general.quantized_by",
          "split.",
          "quantize.");

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

  /** As {@link #write(Path, GgufWriter.Progress)}, with nobody who wants to know how it goes on. */
  public List<String> write(Path target) throws IOException {
    return write(target, GgufWriter.Progress.NONE);
  }

  /**
   * Writes the file; if that fails, whatever was there before stays.
   *
   * @return what its owner should know, in sentences: what the file does not say, or not as well as
   *     it seems
   * @throws CheckpointException if the source cannot be read or GGUF cannot express it
   * @throws IOException if the target cannot be written
   */
  public List<String> write(Path target, GgufWriter.Progress progress) throws IOException {
    requireOther(target);
    List<GgufLayout.Entry> layout = layout();
    List<String> remarks = new ArrayList<>();
    requantised(layout).ifPresent(remarks::add);
    if (source.spec().predictionLayers() > 0) {
      remarks.add("the layers that predict further ahead are left out: nothing uses them here");
    }
    Weights weights = new Weights(layout, GgufSpecWriter.vectors(source.spec()));
    GgufWriter writer = new GgufWriter(target, metadata(remarks), weights.tensors());
    try {
      writer.write(weights, progress);
    } catch (GgufException e) {
      throw new CheckpointException(
          source.directory(), "cannot be written as GGUF: " + e.problem(), e);
    }
    return remarks;
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

  /** Whether weights are rounded that were rounded to blocks before. */
  private Optional<String> requantised(List<GgufLayout.Entry> layout) {
    long count =
        layout.stream()
            .filter(entry -> entry.tensor().type().blockElements() > 1)
            .filter(entry -> entry.pieces().stream().anyMatch(piece -> rounds(piece, entry)))
            .count();
    return count == 0
        ? Optional.empty()
        : Optional.of(
            "weights of %s have been quantised before (%d of %d tensors), and a second time makes them worse:"
                    .formatted(source.directory(), count, layout.size())
                + " begin with some of 16 or 32 bits where there are any");
  }

  private boolean rounds(Piece piece, GgufLayout.Entry entry) {
    DType from = source.tensor(piece.source()).dtype();
    boolean same =
        from.name().equals(entry.tensor().type().name())
            || (from == DType.F4_BLOCKS && entry.tensor().type() == GgufTensorType.MXFP4);
    return from.blockElements() > 1 && !same;
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

  private GgufMetadataBuilder metadata(List<String> remarks) throws IOException {
    GgufMetadataBuilder metadata = new GgufMetadataBuilder();
    Optional<Path> gguf = GgufModel.find(source.directory());
    if (gguf.isPresent()) {
      copyMetadata(gguf.get(), metadata);
    } else {
      specify(metadata);
      remarks.addAll(describe(metadata));
    }
    metadata.whole(FILE_TYPE, types.others().fileType());
    metadata.whole(QUANTISATION_VERSION, 2);
    return metadata;
  }

  private void specify(GgufMetadataBuilder metadata) {
    try {
      GgufSpecWriter.write(source.spec(), metadata);
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(source.directory(), String.valueOf(e.getMessage()), e);
    }
  }

  private void copyMetadata(Path file, GgufMetadataBuilder metadata) {
    ModelSpec spec = source.spec();
    boolean changed =
        spec.predictionLayers() > 0 || spec.names().storage().latent() == LatentLayout.ONE_MATRIX;
    try (GgufModel model = GgufModel.open(file)) {
      GgufMetadata from = model.metadata();
      String ofArchitecture = from.text(GgufSpecWriter.ARCHITECTURE).orElseThrow() + ".";
      if (changed) {
        specify(metadata);
      }
      from.keys().stream()
          .filter(key -> !changed || !(metadata.has(key) || key.startsWith(ofArchitecture)))
          .filter(key -> NOT_COPIED.stream().noneMatch(key::startsWith))
          .forEach(key -> metadata.copy(from, key));
    } catch (GgufException e) {
      throw new CheckpointException(e.file(), e.problem(), e);
    }
  }

  private List<String> describe(GgufMetadataBuilder metadata) throws IOException {
    Path directory = source.directory();
    metadata.text("general.type", "model");
    Path name = directory.toAbsolutePath().normalize().getFileName();
    metadata.text("general.name", name == null ? source.spec().family() : name.toString());
    GenerationDefaults defaults = source.generationDefaults();
    sampling(metadata, defaults);
    return GgufTokenizerWriter.write(
        directory, source.spec(), defaults.endOfTextTokens(), metadata);
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

    Weights(List<GgufLayout.Entry> layout, SortedMap<String, float[]> vectors) {
      layout.forEach(entry -> entries.put(entry.tensor().name(), entry));
      this.vectors = vectors;
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
        return;
      }
      for (Piece piece : entry.pieces()) {
        new TensorCopy(source.tensor(piece.source()), piece, tensor.type()).write(sink);
      }
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
