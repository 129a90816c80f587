package dev.consilium.model.checkpoint;

import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.gguf.GgufException;
import dev.consilium.model.gguf.GgufModel;
import dev.consilium.model.gguf.GgufSpec;
import dev.consilium.tensor.DType;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import dev.consilium.tensor.StoredBytes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An open model: a directory with {@code config.json}, the weights, and {@code
 * generation_config.json} if there is one; or a GGUF file, which has all of that in its metadata.
 *
 * <p>After {@link #open} every tensor that the specification needs is known to be there with the
 * right shape and a type we compute with; values are checked when they are loaded.
 */
public final class Checkpoint implements AutoCloseable {

  private final Path directory;
  private final ModelSpec spec;
  private final GenerationDefaults generationDefaults;
  private final Weights weights;
  private final Map<String, RowOrder> orders;

  /** Empty until first asked for; guarded by this. */
  private String fingerprint = "";

  private Checkpoint(
      Path directory, ModelSpec spec, GenerationDefaults generationDefaults, Weights weights) {
    this.directory = directory;
    this.spec = spec;
    this.generationDefaults = generationDefaults;
    this.weights = weights;
    this.orders = RotaryOrders.orders(spec);
  }

  /**
   * Opens a model; reads the configuration and the headers of the weight files.
   *
   * @param path a Hugging Face directory; a GGUF file (the first part of a split one), or a
   *     directory that holds one GGUF model and nothing else that is a model
   * @throws CheckpointException if anything is missing, damaged, contradictory or not supported
   */
  public static Checkpoint open(Path path) {
    try {
      return GgufModel.find(path).map(Checkpoint::openGguf).orElseGet(() -> openDirectory(path));
    } catch (GgufException e) {
      throw new CheckpointException(e.file(), e.problem(), e);
    }
  }

  /**
   * Begins to have the weights read from disk, for a process that will load all of a model: until
   * it has started and chosen its kernels, the disk would rest, and whenever a weight is packed.
   *
   * @param path as for {@link #open}; what is wrong with it is said there
   */
  public static void readAhead(Path path) {
    Thread.ofPlatform().daemon().name("read-ahead").start(() -> PageCache.fill(path));
  }

  private static Checkpoint openGguf(Path file) {
    GgufModel model = GgufModel.open(file);
    try {
      ModelSpec spec = GgufSpec.of(model);
      GenerationDefaults defaults = GenerationDefaults.of(model.metadata(), spec);
      Weights weights = new GgufWeights(model, spec);
      checkTensors(file, spec, weights);
      return new Checkpoint(file, spec, defaults, weights);
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  private static Checkpoint openDirectory(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new CheckpointException(
          directory,
          Files.exists(directory)
              ? "is a file that does not begin as GGUF does, want such a file or a model directory with config.json and"
                  + " safetensors in it"
              : "does not exist");
    }
    ModelSpec spec = DescribedCheckpoint.read(directory).spec();
    GenerationDefaults defaults = GenerationDefaults.read(directory, spec);
    WeightFiles files = WeightFiles.open(directory);
    try {
      Weights weights = new HuggingFaceWeights(files, spec);
      checkTensors(directory, spec, weights);
      return new Checkpoint(directory, spec, defaults, weights);
    } catch (RuntimeException | Error e) {
      files.close();
      throw e;
    }
  }

  /** The directory, or the GGUF file. */
  public Path directory() {
    return directory;
  }

  public ModelSpec spec() {
    return spec;
  }

  /** How the model's authors want it sampled. */
  public GenerationDefaults generationDefaults() {
    return generationDefaults;
  }

  /**
   * A hash by which processes recognise that they serve the same model; see {@link Fingerprint}.
   * Computed at the first call, from little more than headers.
   */
  public synchronized String fingerprint() {
    if (fingerprint.isEmpty()) {
      fingerprint = Fingerprint.of(spec, weights.stored());
    }
    return fingerprint;
  }

  /** The files that hold the weights: of a split model all parts that do. */
  public Set<Path> weightFiles() {
    Weights stored = weights.stored();
    return stored.names().stream()
        .map(name -> stored.tensor(name).file())
        .collect(Collectors.toSet());
  }

  /** What the files say about every tensor, by name. */
  public SortedMap<String, TensorHeader> headers() {
    SortedMap<String, TensorHeader> headers = new TreeMap<>();
    weights.names().forEach(name -> headers.put(name, weights.tensor(name).header()));
    return headers;
  }

  /** Bytes of all tensors in the files, by element type. */
  public SortedMap<String, Long> storedBytes() {
    SortedMap<String, Long> bytes = new TreeMap<>();
    for (String name : weights.stored().names()) {
      TensorHeader header = weights.stored().tensor(name).header();
      bytes.merge(header.dtype(), header.byteSize(), Long::sum);
    }
    return bytes;
  }

  /**
   * Whether a path has weights, of whatever state: a GGUF file, or a directory with safetensors.
   */
  public static boolean hasWeights(Path path) {
    try {
      return GgufModel.find(path).isPresent() || WeightFiles.areIn(path);
    } catch (GgufException several) {
      return true;
    }
  }

  /** One tensor; nothing is mapped yet. */
  public CheckpointTensor tensor(String name) {
    return weights.tensor(name).in(orders.getOrDefault(name, RowOrder.AS_STORED));
  }

  /**
   * Loads a matrix {@code [rows, columns]}.
   *
   * @throws CheckpointException if it is missing, has another shape or a value that is not finite
   */
  public PackedMatrix matrix(String name, int rows, int columns) {
    return packed(columns, List.of(new MatrixPart(name, rows)));
  }

  /**
   * Loads several matrices with as many columns, in the order given, so that the outputs of all
   * come out side by side.
   *
   * @throws CheckpointException as {@link #matrix}
   */
  public StackedMatrix stackedMatrix(int columns, List<MatrixPart> parts) {
    List<PackedMatrix> packed = new ArrayList<>();
    try {
      for (List<MatrixPart> alike : runsOfOneType(parts)) {
        packed.add(packed(columns, alike));
      }
      return new StackedMatrix(packed);
    } catch (RuntimeException | Error e) {
      packed.forEach(PackedMatrix::close);
      throw e;
    }
  }

  /** Bytes of memory that {@link #stackedMatrix} of these parts takes. */
  public long stackedMatrixBytes(int columns, List<MatrixPart> parts) {
    return runsOfOneType(parts).stream()
        .mapToLong(alike ->
            PackedMatrix.byteSize(
                tensor(alike.getFirst().name()).dtype(),
                alike.stream().mapToInt(MatrixPart::rows).sum(),
                columns))
        .sum();
  }

  private List<List<MatrixPart>> runsOfOneType(List<MatrixPart> parts) {
    List<List<MatrixPart>> runs = new ArrayList<>();
    for (MatrixPart part : parts) {
      DType dtype = tensor(part.name()).dtype();
      if (runs.isEmpty() || tensor(runs.getLast().getLast().name()).dtype() != dtype) {
        runs.add(new ArrayList<>());
      }
      runs.getLast().add(part);
    }
    return runs;
  }

  /** Parts of one dtype as one matrix. */
  private PackedMatrix packed(int columns, List<MatrixPart> parts) {
    DType dtype = tensor(parts.getFirst().name()).dtype();
    try (OpenFiles files = new OpenFiles();
        Arena arena = Arena.ofConfined()) {
      List<StoredBytes> bytes =
          parts.stream().map(part -> partBytes(part, columns, files, arena)).toList();
      return PackedMatrix.read(dtype, columns, bytes);
    } catch (IllegalArgumentException e) {
      CheckpointTensor first = tensor(parts.getFirst().name());
      String names = String.join(", ", parts.stream().map(MatrixPart::name).toList());
      throw new CheckpointException(first.file(), "tensor " + names + ": " + e.getMessage(), e);
    }
  }

  /**
   * Loads some rows of a matrix.
   *
   * @throws CheckpointException if the tensor has fewer or a value is not finite
   */
  public PackedMatrix rows(String name, int from, int count) {
    CheckpointTensor tensor = tensor(name);
    return packed(tensor, MatrixRows.of(tensor, from, count));
  }

  /**
   * Loads some rows of a matrix as columns.
   *
   * @throws CheckpointException as {@link #rows}
   */
  public PackedMatrix transposedRows(String name, int from, int count) {
    CheckpointTensor tensor = tensor(name);
    return packed(tensor, MatrixRows.of(tensor, from, count).transposed());
  }

  private static PackedMatrix packed(CheckpointTensor tensor, MatrixRows rows) {
    try {
      return PackedMatrix.pack(rows.dtype(), rows.columns(), List.of(rows.bytes()));
    } catch (IllegalArgumentException e) {
      throw tensor.wrong(String.valueOf(e.getMessage()));
    }
  }

  /**
   * Loads a vector {@code [length]}, widened to f32.
   *
   * @throws CheckpointException if it is missing, has another shape or a value that is not finite
   */
  public F32Vector vector(String name, int length) {
    return F32Vector.of(values(name, List.of((long) length)));
  }

  /**
   * Loads a small tensor of any shape, widened to f32.
   *
   * @throws CheckpointException if it is missing, has another shape or a value that is not finite
   */
  public float[] values(String name, List<Long> shape) {
    CheckpointTensor tensor = tensor(name);
    tensor.requireShape(shape);
    float[] values = tensor.floats();
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw tensor.wrong("element " + i + " is " + values[i] + ", want finite values");
      }
    }
    return values;
  }

  @Override
  public void close() {
    weights.close();
  }

  private StoredBytes partBytes(MatrixPart part, int columns, OpenFiles files, Arena arena) {
    CheckpointTensor tensor = tensor(part.name());
    tensor.requireShape(List.of((long) part.tensorRows(), (long) columns));
    return part.whole()
        ? tensor.stored(files, arena)
        : StoredBytes.of(chosenRows(part, tensor.bytes(arena), arena));
  }

  private static MemorySegment chosenRows(MatrixPart part, MemorySegment all, Arena arena) {
    long rowBytes = all.byteSize() / part.tensorRows();
    long bytes = part.length() * rowBytes;
    MemorySegment chosen = arena.allocate(part.rows() * rowBytes, 64);
    for (int row = 0; row < part.rows(); row += part.length()) {
      MemorySegment.copy(all, part.tensorRow(row) * rowBytes, chosen, row * rowBytes, bytes);
    }
    return chosen;
  }

  private static void checkTensors(Path directory, ModelSpec spec, Weights weights) {
    Set<String> needed = new HashSet<>();
    SpecTensors.visit(
        spec,
        (name, shape) -> {
          if (!weights.has(name)) {
            throw CheckpointException.missing(directory, name, shape);
          }
          CheckpointTensor tensor = weights.tensor(name);
          tensor.requireShape(shape);
          tensor.dtype();
          needed.add(name);
        });
    for (String name : weights.names()) {
      if (!needed.contains(name) && !isHarmless(name, spec)) {
        // A weight that we would not use means a computation that we do not know.
        throw weights
            .tensor(name)
            .wrong(
                "is not part of a %s model as the configuration describes it"
                    .formatted(spec.family()));
      }
    }
  }

  /**
   * Frequencies that older checkpoints store and the specification gives; the copy of a tied head;
   * layers that predict tokens further ahead; what the family does not use.
   */
  private static boolean isHarmless(String name, ModelSpec spec) {
    int layers = spec.layers().size();
    return name.endsWith(".rotary_emb.inv_freq")
        || name.equals(spec.names().head())
        || spec.names().unused().stream().anyMatch(name::startsWith)
        || IntStream.range(layers, layers + spec.predictionLayers())
            .anyMatch(layer ->
                name.startsWith("model.layers." + layer + ".")
                    || name.startsWith("blk." + layer + "."));
  }
}
