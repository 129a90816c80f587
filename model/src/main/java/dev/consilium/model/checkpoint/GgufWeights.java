package dev.consilium.model.checkpoint;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.gguf.GgufFile;
import dev.consilium.model.gguf.GgufModel;
import dev.consilium.model.gguf.GgufNames;
import dev.consilium.model.gguf.GgufSpec;
import dev.consilium.model.gguf.GgufTensor;
import dev.consilium.model.gguf.GgufTensorType;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
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
  private final SortedMap<String, Place> places = new TreeMap<>();
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
    if (GgufSpec.interleaves(model)) {
      spec.layers().forEach(layer -> interleave(spec, layer));
    }
  }

  private void interleave(ModelSpec spec, LayerSpec layer) {
    switch (layer.attention()) {
      case GroupedQueryAttention attention -> {
        var names = spec.names().attention(layer.index());
        orders.put(names.query().weight(), RowOrder.interleaved(attention.heads()));
        orders.put(names.key().weight(), RowOrder.interleaved(attention.kvHeads()));
      }
      case RecurrentAttention _ -> {}
      case LatentAttention _ -> {}
    }
  }

  private void add(UnchangedFile file, GgufTensor tensor) {
    if (tensor.name().endsWith(GgufNames.EXPERTS_SUFFIX) && tensor.shape().size() == 3) {
      addExperts(file, tensor);
      return;
    }
    Matcher single = SINGLE_EXPERT.matcher(tensor.name());
    String name =
        single.matches()
            ? GgufNames.expert(
                single.group(1) + GgufNames.EXPERTS_SUFFIX, Integer.parseInt(single.group(2)))
            : tensor.name();
    boolean vector = tensor.shape().size() == 1;
    List<Long> shape =
        vector && name.endsWith(GgufNames.SHARED_GATE_SUFFIX)
            ? List.of(1L, tensor.shape().getFirst())
            : tensor.shape();
    put(file, tensor, name, shape, tensor.begin());
  }

  private void addExperts(UnchangedFile file, GgufTensor tensor) {
    long experts = tensor.shape().getFirst();
    if (experts > MAX_EXPERTS || places.size() + experts > MAX_WEIGHTS) {
      throw new CheckpointException(
          file.path(),
          "tensor %s holds %d experts, want at most %d"
              .formatted(tensor.name(), experts, MAX_EXPERTS));
    }
    List<Long> shape = tensor.shape().subList(1, 3);
    long bytes = tensor.byteSize() / experts;
    for (int i = 0; i < experts; i++) {
      put(file, tensor, GgufNames.expert(tensor.name(), i), shape, tensor.begin() + i * bytes);
    }
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
    return Collections.unmodifiableSet(places.keySet());
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
    return new CheckpointTensor(place.file(), place.header(), place.begin(), order::undo);
  }

  private Path path() {
    return model.metadata().file();
  }

  @Override
  public void close() {
    model.close();
  }
}
