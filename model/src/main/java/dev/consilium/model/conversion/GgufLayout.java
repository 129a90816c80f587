package dev.consilium.model.conversion;

import dev.consilium.model.checkpoint.RowOrder;
import dev.consilium.model.checkpoint.SpecTensors;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.gguf.GgufNames;
import dev.consilium.model.gguf.GgufSpecWriter;
import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.model.gguf.GgufWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The tensors of a GGUF file that holds a model: what each is called and shaped, how it is encoded,
 * and which weights it is made of.
 */
public final class GgufLayout {

  /** Says how each tensor is encoded. */
  public interface TypeRule {

    /**
     * The type of a tensor.
     *
     * @param columns weights of a row
     */
    GgufTensorType typeOf(WeightRole role, long columns);
  }

  /**
   * One tensor of the file.
   *
   * @param tensor as the file has it
   * @param sources the weights that follow one another in it, as the specification names them
   * @param rows of each source
   * @param columns of each row
   * @param order in which the file holds the rows of each source
   */
  public record Entry(
      GgufWriter.Tensor tensor, List<String> sources, int rows, int columns, RowOrder order) {

    public Entry {
      sources = List.copyOf(sources);
    }
  }

  private final Map<String, RowOrder> orders = new HashMap<>();
  private final Map<String, List<String>> sources = new LinkedHashMap<>();
  private final Map<String, List<Long>> shapes = new HashMap<>();
  private final TypeRule rule;

  private GgufLayout(TypeRule rule) {
    this.rule = rule;
  }

  /** The tensors, in the file's order. */
  public static List<Entry> of(ModelSpec spec, TypeRule rule) {
    GgufLayout layout = new GgufLayout(rule);
    List<String> ours = new ArrayList<>();
    SpecTensors.visit(spec, (name, shape) -> ours.add(name));
    // The same walk with other names: the same weights in the same order.
    int[] next = {0};
    SpecTensors.visit(
        spec.withNames(GgufNames.ALL),
        (name, shape) -> layout.add(ours.get(next[0]++), name, shape));
    if (GgufSpecWriter.interleaves(spec)) {
      spec.layers().forEach(layout::interleave);
    }
    return layout.sources.keySet().stream().map(layout::entry).toList();
  }

  private void add(String source, String name, List<Long> shape) {
    String tensor = GgufNames.tensor(name);
    sources.computeIfAbsent(tensor, key -> new ArrayList<>()).add(source);
    shapes.put(tensor, shape);
  }

  private void interleave(LayerSpec layer) {
    switch (layer.attention()) {
      case GroupedQueryAttention attention -> {
        var names = GgufNames.ALL.attention(layer.index());
        orders.put(names.query().weight(), RowOrder.interleaved(attention.heads()));
        orders.put(names.key().weight(), RowOrder.interleaved(attention.kvHeads()));
      }
      case RecurrentAttention _ -> {}
      case LatentAttention _ -> {}
    }
  }

  private Entry entry(String name) {
    List<Long> one = shapes.getOrDefault(name, List.of());
    List<String> from = sources.getOrDefault(name, List.of());
    List<Long> shape = one;
    if (name.endsWith(GgufNames.EXPERTS_SUFFIX)) {
      shape = List.of((long) from.size(), one.get(0), one.get(1));
    } else if (name.endsWith(GgufNames.SHARED_GATE_SUFFIX)) {
      shape = List.of(one.getLast());
    }
    GgufWriter.Tensor tensor =
        new GgufWriter.Tensor(name, rule.typeOf(WeightRole.of(name, shape), one.getLast()), shape);
    return new Entry(
        tensor,
        from,
        one.size() == 1 ? 1 : Math.toIntExact(one.getFirst()),
        Math.toIntExact(one.getLast()),
        orders.getOrDefault(name, RowOrder.AS_STORED));
  }
}
