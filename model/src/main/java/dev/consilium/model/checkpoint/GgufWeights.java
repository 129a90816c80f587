package dev.consilium.model.checkpoint;

import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.ProjectionNames;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.model.gguf.GgufFile;
import dev.consilium.model.gguf.GgufModel;
import dev.consilium.model.gguf.GgufNames;
import dev.consilium.model.gguf.GgufSpec;
import dev.consilium.model.gguf.GgufSpecWriter;
import dev.consilium.model.gguf.GgufTensor;
import dev.consilium.model.gguf.GgufTensorType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The tensors of a GGUF model, as {@link GgufNames} calls them: each expert of a tensor that holds
 * all of a layer is a tensor by itself, a range of the file.
 */
final class GgufWeights implements Weights {

  /** More experts than any model has, so that a lie about them fills no memory. */
  private static final int MAX_EXPERTS = 1 << 14;

  private static final int MAX_WEIGHTS = 1 << 21;

  /** How files named experts before 2024-04: one tensor each. */
  private static final Pattern SINGLE_EXPERT =
      Pattern.compile("(blk\\.\\d+\\.ffn_(?:gate|up|down))\\.(\\d{1,5})\\.weight");

  private final GgufModel model;
  private final Map<String, Place> places = new HashMap<>();
  private final Map<String, RowOrder> orders = new HashMap<>();

  /** Where a weight is. */
  private record Place(UnchangedFile file, TensorHeader header, long begin) {}

  /**
   * @param model closed with this
   * @param spec of the model
   */
  GgufWeights(GgufModel model, ModelSpec spec) {
    this.model = model;
    for (GgufFile file : model.files()) {
      UnchangedFile unchanged = UnchangedFile.of(file.path());
      file.tensors().values().forEach(tensor -> add(unchanged, tensor));
    }
    spec.layers().forEach(layer -> splitProjections(spec, layer));
    SpecTensors.visit(spec, this::reshape);
    spec.layers().forEach(layer -> joinGroups(spec, layer));
    GgufSpecWriter.vectors(spec).forEach((name, _) -> places.remove(name));
    if (GgufSpec.interleaves(model)) {
      spec.layers().forEach(layer -> interleave(spec, layer));
    }
  }

  /** Queries, keys and values, where they are one tensor: parts of its rows. */
  private void splitProjections(ModelSpec spec, LayerSpec layer) {
    AttentionNames names = spec.names().attention(layer.index());
    if (!(layer.attention() instanceof GroupedQueryAttention attention)
        || !names.query().weight().contains("[")) {
      return;
    }
    int query = (attention.outputGate() ? 2 : 1) * attention.queryWidth();
    List<Integer> rows = List.of(query, attention.keyValueWidth(), attention.keyValueWidth());
    split(rows, List.of(names.query().weight(), names.key().weight(), names.value().weight()));
    split(rows, List.of(names.query().bias(), names.key().bias(), names.value().bias()));
  }

  private void split(List<Integer> rows, List<String> names) {
    Place all = places.remove(GgufNames.tensor(names.getFirst()));
    if (all == null) {
      return; // the check of all tensors says what is missing
    }
    List<Long> shape = all.header().shape();
    long sum = rows.stream().mapToLong(Integer::longValue).sum();
    if (shape.isEmpty() || shape.getFirst() != sum) {
      throw new CheckpointException(
          path(),
          "tensor %s: shape is %s, want %d rows of queries, keys and values"
              .formatted(all.header().name(), shape, sum));
    }
    long rowBytes = all.header().byteSize() / sum;
    long begin = all.begin();
    for (int i = 0; i < rows.size(); i++) {
      List<Long> part = new ArrayList<>(shape);
      part.set(0, (long) rows.get(i));
      long bytes = rows.get(i) * rowBytes;
      TensorHeader header = new TensorHeader(names.get(i), all.header().dtype(), part, bytes);
      places.put(names.get(i), new Place(all.file(), header, begin));
      begin += bytes;
    }
  }

  private void interleave(ModelSpec spec, LayerSpec layer) {
    switch (layer.attention()) {
      case GroupedQueryAttention attention -> {
        var names = spec.names().attention(layer.index());
        interleave(names.query(), attention.heads());
        interleave(names.key(), attention.kvHeads());
      }
      case RecurrentAttention _ -> {}
      case LatentAttention _ -> {}
      case NoMixing() -> {}
    }
  }

  private void interleave(ProjectionNames names, int heads) {
    orders.put(names.weight(), RowOrder.interleaved(heads));
    orders.put(names.bias(), RowOrder.interleaved(heads));
  }

  /**
   * Dimensions of 1 say nothing, and files have them or not. Ends at the first tensor that is
   * missing: a specification may ask for many more than any file has.
   */
  private void reshape(String name, List<Long> wanted) {
    Place place = places.get(name);
    if (place == null) {
      throw CheckpointException.missing(path(), name, wanted);
    }
    List<Long> shape = place.header().shape();
    if (!shape.equals(wanted) && significant(shape).equals(significant(wanted))) {
      put(place, name, wanted);
    }
  }

  /** One row for each group of values that are normalised by themselves is one vector. */
  private void joinGroups(ModelSpec spec, LayerSpec layer) {
    if (layer.attention() instanceof Mamba2 mamba) {
      String norm = spec.names().attention(layer.index()).recurrent().of(Part.NORM);
      long groups = mamba.normGroups();
      Place place = places.get(norm);
      if (place != null
          && place.header().shape().equals(List.of(groups, mamba.valueWidth() / groups))) {
        put(place, norm, List.of((long) mamba.valueWidth()));
      }
    }
  }

  private void put(Place place, String name, List<Long> shape) {
    TensorHeader header = place.header();
    TensorHeader same = new TensorHeader(name, header.dtype(), shape, header.byteSize());
    places.put(name, new Place(place.file(), same, place.begin()));
  }

  private static List<Long> significant(List<Long> shape) {
    return shape.stream().filter(size -> size != 1).toList();
  }

  private void add(UnchangedFile file, GgufTensor tensor) {
    if (tensor.name().endsWith(GgufNames.GATE_UP_EXPERTS) && tensor.shape().size() == 3) {
      addGateUp(file, tensor);
      return;
    }
    if (GgufNames.stacked(tensor.name()) && tensor.shape().size() > 1) {
      addParts(file, tensor);
      return;
    }
    Matcher single = SINGLE_EXPERT.matcher(tensor.name());
    String name =
        single.matches()
            ? GgufNames.part(
                single.group(1) + GgufNames.EXPERTS_SUFFIX, Integer.parseInt(single.group(2)))
            : tensor.name();
    put(file, tensor, name, tensor.shape(), tensor.begin());
  }

  private void addParts(UnchangedFile file, GgufTensor tensor) {
    int parts = parts(file, tensor);
    List<Long> shape = tensor.shape().subList(1, tensor.shape().size());
    long bytes = tensor.byteSize() / parts;
    for (int i = 0; i < parts; i++) {
      put(file, tensor, GgufNames.part(tensor.name(), i), shape, tensor.begin() + i * bytes);
    }
  }

  /** Of each expert the gate's rows, then as many of the other matrix. */
  private void addGateUp(UnchangedFile file, GgufTensor tensor) {
    int experts = parts(file, tensor);
    if (tensor.shape().get(1) % 2 != 0) {
      throw new CheckpointException(
          file.path(),
          "tensor %s has shape %s, want twice as many rows as one matrix has"
              .formatted(tensor.name(), tensor.shape()));
    }
    List<Long> shape = List.of(tensor.shape().get(1) / 2, tensor.shape().get(2));
    long bytes = tensor.byteSize() / experts / 2;
    String gate = tensor.name().replace("gate_up", "gate");
    String up = tensor.name().replace("gate_up", "up");
    for (int i = 0; i < experts; i++) {
      long begin = tensor.begin() + 2L * i * bytes;
      put(file, tensor, GgufNames.part(gate, i), shape, begin);
      put(file, tensor, GgufNames.part(up, i), shape, begin + bytes);
    }
  }

  private int parts(UnchangedFile file, GgufTensor tensor) {
    long parts = tensor.shape().getFirst();
    if (parts > MAX_EXPERTS || places.size() + 2 * parts > MAX_WEIGHTS) {
      throw new CheckpointException(
          file.path(),
          "tensor %s holds %d experts, want at most %d"
              .formatted(tensor.name(), parts, MAX_EXPERTS));
    }
    return (int) parts;
  }

  private void put(
      UnchangedFile file, GgufTensor tensor, String name, List<Long> shape, long begin) {
    GgufTensorType type = tensor.type();
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    TensorHeader header = new TensorHeader(name, type.name(), shape, type.byteSize(elements));
    if (places.putIfAbsent(name, new Place(file, header, begin)) != null) {
      throw new CheckpointException(file.path(), "has tensor " + name + " twice");
    }
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(new TreeSet<>(places.keySet()));
  }

  @Override
  public boolean has(String name) {
    return places.containsKey(name);
  }

  @Override
  public CheckpointTensor tensor(String name) {
    Place place = places.get(name);
    if (place == null) {
      throw new CheckpointException(path(), "has no tensor " + name);
    }
    RowOrder order = orders.getOrDefault(name, RowOrder.AS_STORED);
    return new CheckpointTensor(place.file(), place.header(), place.begin(), Presentation.AS_STORED)
        .in(order);
  }

  private Path path() {
    return model.metadata().file();
  }

  @Override
  public void close() {
    model.close();
  }
}
