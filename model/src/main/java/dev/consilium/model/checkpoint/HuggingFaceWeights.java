package dev.consilium.model.checkpoint;

import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.BlockNames;
import dev.consilium.model.family.ExpertLayout;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.ProjectionNames;
import dev.consilium.model.family.WeightStorage.ScaleBlocks;
import dev.consilium.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The tensors of a Hugging Face directory as a specification names them: one for each weight,
 * whatever the files put together ({@link ExpertLayout}) or apart (scales).
 */
final class HuggingFaceWeights implements Weights {
  private static final String SCALES = "_scale_inv";
  private static final String GATE = "[gate]";
  private static final String UP = "[up]";
  private static final String ROW = "[row]";
  private static final String QUERY = "[query]";
  private static final String MX_BLOCKS = "_blocks";
  private static final String MX_SCALES = "_scales";

  private final WeightFiles files;

  /** Tensors that the files do not hold as such. */
  private final Map<String, CheckpointTensor> made = new HashMap<>();

  /** Tensors of the files that are read through those only. */
  private final Set<String> taken = new HashSet<>();

  private final SortedSet<String> names;

  /**
   * @param files closed with this
   */
  HuggingFaceWeights(WeightFiles files, ModelSpec spec) {
    this.files = files;
    spec.names().storage().scales().ifPresent(this::addScaled);
    if (spec.names().storage().experts() != ExpertLayout.ONE_BY_ONE) {
      spec.expertLayers().forEach(layer -> addExperts(spec, layer));
    }
    spec.layers().forEach(layer -> addProjections(spec, layer));
    SpecTensors.visit(spec, this::addOtherwise);
    names = new TreeSet<>(files.names());
    names.removeAll(taken);
    names.addAll(made.keySet());
  }

  private void addScaled(ScaleBlocks blocks) {
    for (String name : files.names()) {
      if (files.has(name + SCALES)) {
        made.put(name, scaled(files.tensor(name), files.tensor(name + SCALES), blocks));
        taken.add(name + SCALES);
      }
    }
  }

  private static CheckpointTensor scaled(
      CheckpointTensor tensor, CheckpointTensor scales, ScaleBlocks blocks) {
    if (!tensor.header().dtype().equals("F8_E4M3") || tensor.shape().size() != 2) {
      throw tensor.wrong(
          "is %s of shape %s, want a matrix of F8_E4M3, as it has scales"
              .formatted(tensor.header().dtype(), tensor.shape()));
    }
    List<Long> wanted =
        List.of(
            Math.ceilDiv(tensor.shape().get(0), blocks.rows()),
            Math.ceilDiv(tensor.shape().get(1), blocks.columns()));
    if (!scales.shape().equals(wanted)) {
      throw scales.wrong(
          "shape is %s, want %s: one scale for each %s".formatted(scales.shape(), wanted, blocks));
    }
    DType dtype = ScaledBytes.dtype(blocks, tensor.shape().get(1));
    TensorHeader presented =
        new TensorHeader(
            tensor.name(),
            dtype.name(),
            tensor.shape(),
            tensor.shape().get(0) * dtype.rowBytes(tensor.shape().get(1)));
    return tensor.as(presented, 0, tensor.header().byteSize(), new ScaledBytes(blocks, scales));
  }

  /** A half of a tensor, or the only row of a matrix. */
  private void addOtherwise(String name, List<Long> shape) {
    List<Long> whole = new ArrayList<>(shape);
    if (name.endsWith(GATE) || name.endsWith(UP)) {
      whole.set(0, 2 * shape.getFirst());
      addSlice(name, whole, shape, name.endsWith(UP) ? shape.getFirst() : 0);
    } else if (name.endsWith(ROW)) {
      whole.addFirst(1L);
      addSlice(name, whole, shape, 0);
    }
  }

  /** Queries, keys and values, where they are one tensor. */
  private void addProjections(ModelSpec spec, LayerSpec layer) {
    AttentionNames names = spec.names().attention(layer.index());
    if (layer.attention() instanceof GroupedQueryAttention grouped
        && names.query().weight().endsWith(QUERY)) {
      List<ProjectionNames> inOrder = List.of(names.query(), names.key(), names.value());
      int gate = grouped.outputGate() ? 2 : 1;
      List<Integer> rows =
          List.of(gate * grouped.queryWidth(), grouped.keyValueWidth(), grouped.keyValueWidth());
      long all = rows.stream().mapToLong(Integer::longValue).sum();
      long columns = spec.hiddenSize();
      long from = 0;
      for (int i = 0; i < rows.size(); i++) {
        long own = rows.get(i);
        addSlice(inOrder.get(i).weight(), List.of(all, columns), List.of(own, columns), from);
        if (grouped.queryKeyValueBias()) {
          addSlice(inOrder.get(i).bias(), List.of(all), List.of(own), from);
        }
        from += own;
      }
    }
  }

  private void addSlice(String name, List<Long> whole, List<Long> shape, long firstRow) {
    String all = name.substring(0, name.lastIndexOf('['));
    if (!files.has(all)) {
      return; // the check of all tensors says what is missing
    }
    CheckpointTensor tensor = files.tensor(all);
    tensor.requireShape(whole);
    taken.add(all);
    long skip = tensor.header().byteSize() / whole.getFirst() * firstRow;
    made.put(name, part(tensor, name, shape, skip));
  }

  /** As many of a tensor's bytes as a shape needs. */
  private static CheckpointTensor part(
      CheckpointTensor tensor, String name, List<Long> shape, long skip) {
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    long bytes = tensor.header().byteSize() / tensor.header().elementCount() * elements;
    return tensor.as(
        new TensorHeader(name, tensor.header().dtype(), shape, bytes),
        skip,
        bytes,
        Presentation.AS_STORED);
  }

  private void addExperts(ModelSpec spec, LayerSpec layer) {
    if (!(layer.feedForward() instanceof MixtureOfExperts experts)) {
      throw new IllegalArgumentException("layer " + layer.index() + " has no experts");
    }
    FeedForwardNames names = spec.names().feedForward(layer.index());
    ExpertLayout layout = spec.names().storage().experts();
    int hidden = experts.expertWidth(spec.hiddenSize());
    int inner = experts.expertIntermediateSize();
    for (int i = 0; i < experts.gate().expertCount(); i++) {
      for (FusedPart part : parts(names.expert(i), i, inner, hidden)) {
        addPart(layout, part, experts.gate().expertCount());
      }
      if (experts.body().biases()) {
        // As matrices of one column, that is what the same layouts make of vectors.
        for (FusedPart part : parts(names.expertBias(i), i, inner, hidden)) {
          addBias(layout, part, experts.gate().expertCount());
        }
      }
    }
  }

  /**
   * What a made-up name means.
   *
   * @param name made up
   * @param expert that it is of
   * @param rows of our matrix
   * @param columns of our matrix
   * @param half 0 gate, 1 up; empty: the tensor has no halves
   */
  private record FusedPart(String name, int expert, int rows, int columns, Optional<Integer> half) {
    /** The file's name. */
    String tensor() {
      int bracket = name.indexOf('[');
      return bracket < 0 ? name : name.substring(0, bracket);
    }

    /** Rows of the file's matrix, if that is not transposed. */
    int allRows() {
      return half.isPresent() ? 2 * rows : rows;
    }

    /** The first row of ours, if gate and up follow each other. */
    int firstRow() {
      return half.orElse(0) * rows;
    }
  }

  private static List<FusedPart> parts(BlockNames names, int expert, int inner, int hidden) {
    return List.of(
        new FusedPart(names.gate(), expert, inner, hidden, Optional.of(0)),
        new FusedPart(names.up(), expert, inner, hidden, Optional.of(1)),
        new FusedPart(names.down(), expert, hidden, inner, Optional.empty()));
  }

  private void addPart(ExpertLayout layout, FusedPart part, int experts) {
    int all = part.allRows();
    int columns = part.columns();
    switch (layout) {
      case ONE_BY_ONE -> {}
      case STACKED -> putRange(part, experts, sizes(experts, all, columns));
      case ROWS -> putRows(part, experts);
      case TRANSPOSED ->
          putColumns(
              part,
              experts,
              sizes(experts, columns, all),
              shape(part),
              new Presentation.Columns(columns, all, part.firstRow(), 1));
      case TRANSPOSED_ALTERNATING ->
          putColumns(
              part,
              experts,
              sizes(experts, columns, all),
              shape(part),
              new Presentation.Columns(columns, all, part.half().orElse(0), all / part.rows()));
      case MXFP4_ALTERNATING -> putMxfp4(part, experts);
    }
  }

  private void addBias(ExpertLayout layout, FusedPart part, int experts) {
    int all = part.allRows();
    boolean alternating =
        layout == ExpertLayout.TRANSPOSED_ALTERNATING || layout == ExpertLayout.MXFP4_ALTERNATING;
    int from = alternating ? part.half().orElse(0) : part.firstRow();
    int step = alternating ? all / part.rows() : 1;
    putColumns(
        part,
        experts,
        sizes(experts, all),
        List.of((long) part.rows()),
        new Presentation.Columns(1, all, from, step));
  }

  private static List<Long> shape(FusedPart part) {
    return List.of((long) part.rows(), (long) part.columns());
  }

  /** A part whose bytes follow one another. */
  private void putRange(FusedPart part, int experts, List<Long> storedShape) {
    Optional<CheckpointTensor> stored = stored(part.tensor(), storedShape);
    stored.ifPresent(tensor -> {
      long ofExpert = tensor.header().byteSize() / experts;
      long ofRow = ofExpert / part.allRows();
      TensorHeader header =
          new TensorHeader(part.name(), tensor.header().dtype(), shape(part), part.rows() * ofRow);
      long skip = part.expert() * ofExpert + part.firstRow() * ofRow;
      made.put(part.name(), tensor.as(header, skip, header.byteSize(), Presentation.AS_STORED));
    });
  }

  /** A part that is all of an expert's rows of one tensor; of the down tensor, its columns. */
  private void putRows(FusedPart part, int experts) {
    boolean down = part.half().isEmpty();
    int inner = down ? part.columns() : part.rows();
    int hidden = down ? part.rows() : part.columns();
    List<Long> stored = List.of((long) experts * inner, (long) hidden);
    if (down) {
      putColumns(part, experts, stored, shape(part), new Presentation.Columns(inner, hidden, 0, 1));
    } else {
      FusedPart whole = new FusedPart(part.name(), part.expert(), inner, hidden, Optional.empty());
      putRange(whole, experts, stored);
    }
  }

  /** A part that is some columns of an expert's matrix. */
  private void putColumns(
      FusedPart part,
      int experts,
      List<Long> storedShape,
      List<Long> shape,
      Presentation.Columns how) {
    Optional<CheckpointTensor> stored = stored(part.tensor(), storedShape);
    stored.ifPresent(tensor -> {
      long ofExpert = tensor.header().byteSize() / experts;
      long elements = shape.stream().reduce(1L, Math::multiplyExact);
      TensorHeader header =
          new TensorHeader(
              part.name(), tensor.header().dtype(), shape, elements * tensor.dtype().bytes());
      made.put(part.name(), tensor.as(header, part.expert() * ofExpert, ofExpert, how));
    });
  }

  /** A tensor of the files; the check of all tensors says what is missing. */
  private Optional<CheckpointTensor> stored(String name, List<Long> shape) {
    if (!files.has(name)) {
      return Optional.empty();
    }
    CheckpointTensor tensor = files.tensor(name);
    tensor.requireShape(shape);
    taken.add(name);
    return Optional.of(tensor);
  }

  private void putMxfp4(FusedPart part, int experts) {
    String blocksName = part.tensor() + MX_BLOCKS;
    String scalesName = part.tensor() + MX_SCALES;
    if (!files.has(blocksName) || !files.has(scalesName)) {
      return; // the check of all tensors says what is missing
    }
    int perRow = part.columns() / Mxfp4Rows.BLOCK;
    CheckpointTensor blocks = files.tensor(blocksName);
    CheckpointTensor scales = files.tensor(scalesName);
    if (part.columns() % Mxfp4Rows.BLOCK != 0) {
      throw blocks.wrong("rows of " + part.columns() + " numbers, want a multiple of 32");
    }
    blocks.requireShape(sizes(experts, part.allRows(), perRow, Mxfp4Rows.BLOCK / 2));
    scales.requireShape(sizes(experts, part.allRows(), perRow));
    requireBytes(blocks);
    requireBytes(scales);
    taken.add(blocksName);
    taken.add(scalesName);
    long rows = part.rows();
    TensorHeader header =
        new TensorHeader(
            part.name(),
            DType.F4_BLOCKS.name(),
            shape(part),
            rows * DType.F4_BLOCKS.rowBytes(part.columns()));
    CheckpointTensor ofExpert = expert(scales, part.expert(), experts);
    Mxfp4Rows how = new Mxfp4Rows(ofExpert, part.half().orElse(0), part.allRows() / part.rows());
    long bytes = blocks.header().byteSize() / experts;
    made.put(part.name(), blocks.as(header, part.expert() * bytes, bytes, how));
  }

  private static CheckpointTensor expert(CheckpointTensor tensor, int index, int experts) {
    TensorHeader all = tensor.header();
    List<Long> shape = all.shape().subList(1, all.shape().size());
    long bytes = all.byteSize() / experts;
    return tensor.as(
        new TensorHeader(all.name(), all.dtype(), shape, bytes),
        index * bytes,
        bytes,
        Presentation.AS_STORED);
  }

  private static List<Long> sizes(int... sizes) {
    return Arrays.stream(sizes).asLongStream().boxed().toList();
  }

  private static void requireBytes(CheckpointTensor tensor) {
    if (!tensor.header().dtype().equals("U8")) {
      throw tensor.wrong("dtype is " + tensor.header().dtype() + ", want U8");
    }
  }

  @Override
  public Set<String> names() {
    return Collections.unmodifiableSet(names);
  }

  @Override
  public boolean has(String name) {
    return names.contains(name);
  }

  @Override
  public CheckpointTensor tensor(String name) {
    return Optional.ofNullable(made.get(name)).orElseGet(() -> files.tensor(name));
  }

  @Override
  public Weights stored() {
    return files;
  }

  @Override
  public void close() {
    files.close();
  }
}
