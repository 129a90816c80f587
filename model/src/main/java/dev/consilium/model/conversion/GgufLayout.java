package dev.consilium.model.conversion;

import dev.consilium.model.checkpoint.RowOrder;
import dev.consilium.model.checkpoint.SpecTensors;
import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.ChannelDeltaNet;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LatentNames;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.LightningAttention;
import dev.consilium.model.family.Mamba1;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.NormSpec;
import dev.consilium.model.family.ProjectionNames;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.RecurrentNames;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.model.family.RotaryPairing;
import dev.consilium.model.family.RotarySpec;
import dev.consilium.model.family.ShortConvolution;
import dev.consilium.model.family.WeightNames;
import dev.consilium.model.family.WeightStorage.LatentLayout;
import dev.consilium.model.family.WeightStorage.RecurrentLayout;
import dev.consilium.model.gguf.GgufNames;
import dev.consilium.model.gguf.GgufSpecWriter;
import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.model.gguf.GgufWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

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
     * @param name in GGUF
     * @param columns weights of a row
     */
    GgufTensorType typeOf(String name, WeightRole role, long columns);
  }

  /**
   * One tensor of the file.
   *
   * @param tensor as the file has it
   * @param pieces that follow one another in it
   */
  public record Entry(GgufWriter.Tensor tensor, List<Piece> pieces) {

    public Entry {
      pieces = List.copyOf(pieces);
    }

    /** Weights of a row. */
    public int columns() {
      return Math.toIntExact(tensor.shape().getLast());
    }

    /** Rows of all pieces together. */
    public long rows() {
      return tensor.shape().stream().reduce(1L, Math::multiplyExact) / columns();
    }
  }

  /**
   * A tensor that is put together.
   *
   * @param shape of it; of one part, if it is stacked
   * @param pieces grows
   */
  private record Draft(List<Long> shape, List<Piece> pieces) {
    Draft(List<Long> shape) {
      this(shape, new ArrayList<>());
    }
  }

  private final ModelSpec spec;
  private final TypeRule rule;
  private final Map<String, Draft> drafts = new LinkedHashMap<>();

  private GgufLayout(ModelSpec spec, TypeRule rule) {
    this.spec = spec;
    this.rule = rule;
  }

  /** The tensors, in the file's order; without those of {@link GgufSpecWriter#vectors}. */
  public static List<Entry> of(ModelSpec spec, TypeRule rule) {
    GgufLayout layout = new GgufLayout(spec, rule);
    // The same walk with other names: the same weights in the same order.
    WeightNames names =
        GgufSpecWriter.names(spec)
            .stored(spec.names().storage())
            .arranged(spec.names().attention(0).recurrent().arrangement());
    List<String> ours = new ArrayList<>();
    SpecTensors.visit(spec, (name, shape) -> ours.add(name));
    int[] next = {0};
    SpecTensors.visit(
        spec.withNames(names), (name, shape) -> layout.add(ours.get(next[0]++), name, shape));
    spec.layers().forEach(layer -> layout.rearrange(layer, names));
    layout.wholeNorms(names);
    return layout.drafts.entrySet().stream()
        .map(draft -> layout.entry(draft.getKey(), draft.getValue()))
        .toList();
  }

  private void add(String source, String name, List<Long> shape) {
    drafts
        .computeIfAbsent(GgufNames.tensor(name), key -> new Draft(stated(shape)))
        .pieces
        .add(Piece.whole(source, shape));
  }

  /** Files leave dimensions of 1 out that we have. */
  private static List<Long> stated(List<Long> shape) {
    return shape.size() == 3 || (shape.size() == 2 && shape.getFirst() == 1)
        ? shape.stream().filter(size -> size != 1).toList()
        : shape;
  }

  private void rearrange(LayerSpec layer, WeightNames all) {
    AttentionNames names = all.attention(layer.index());
    switch (layer.attention()) {
      case GroupedQueryAttention grouped -> interleave(grouped, names);
      case RecurrentAttention recurrent -> {
        rates(names.recurrent());
        switch (recurrent) {
          case Mamba2 mamba -> {
            columns(mamba, names.recurrent());
            groups(mamba, names.recurrent());
          }
          case GatedDeltaNet delta -> {
            splitByKind(delta, names.recurrent());
            turn(delta, names.recurrent());
          }
          case ChannelDeltaNet delta -> channels(delta, names.recurrent());
          case LightningAttention _, Mamba1 _, ShortConvolution _ -> {}
        }
      }
      case LatentAttention latent -> {
        interleave(latent, names);
        if (spec.names().storage().latent() == LatentLayout.ONE_MATRIX) {
          splitByHead(latent, names.latent());
        }
      }
      case NoMixing() -> {}
    }
  }

  /** Neighbouring pairs where files have them; we have halves, whatever the family has. */
  private void interleave(GroupedQueryAttention attention, AttentionNames names) {
    boolean pairs =
        attention.rotary().filter(one -> one.pairing() == RotaryPairing.NEIGHBOURS).isPresent();
    if (pairs || GgufSpecWriter.interleaves(spec)) {
      int turned = attention.rotary().map(RotarySpec::rotaryDim).orElse(attention.headDim());
      interleave(names.query(), RowOrder.interleaved(attention.heads(), turned));
      interleave(names.key(), RowOrder.interleaved(attention.kvHeads(), turned));
    }
  }

  private void interleave(LatentAttention attention, AttentionNames names) {
    attention
        .rotary()
        .filter(rotary -> rotary.pairing() == RotaryPairing.NEIGHBOURS)
        .ifPresent(rotary -> {
          RowOrder query = RowOrder.interleavedEnds(attention.heads(), rotary.rotaryDim());
          RowOrder key = RowOrder.interleavedEnds(1, rotary.rotaryDim());
          boolean narrow = attention.queryRank().isPresent();
          LatentNames latent = names.latent();
          change(narrow ? latent.queryUp() : names.query().weight(), piece -> piece.in(query));
          change(latent.keyValueDown(), piece -> piece.in(key));
        });
  }

  private void interleave(ProjectionNames names, RowOrder order) {
    change(names.weight(), piece -> piece.in(order));
    change(names.bias(), piece -> piece.in(order));
  }

  private void rates(RecurrentNames names) {
    if (spec.names().storage().recurrent() == RecurrentLayout.REFERENCE) {
      change(names.of(Part.DECAY), piece -> piece.with(new Piece.Change.RateOfLogarithm()));
    }
  }

  /** Files have one number of each head in a row of its own. */
  private void columns(Mamba2 mamba, RecurrentNames names) {
    for (Part part : List.of(Part.DECAY, Part.SKIP)) {
      String tensor = names.of(part);
      drafts.put(tensor, new Draft(List.of((long) mamba.heads(), 1L), draft(tensor).pieces));
    }
  }

  /** Files have one row for each of several groups that are normalised by themselves. */
  private void groups(Mamba2 mamba, RecurrentNames names) {
    if (mamba.normGroups() > 1) {
      String norm = names.of(Part.NORM);
      long ofGroup = mamba.valueWidth() / mamba.normGroups();
      drafts.put(norm, new Draft(List.of((long) mamba.normGroups(), ofGroup), draft(norm).pieces));
    }
  }

  /** Files have the dimension of 1 of these. */
  private void channels(ChannelDeltaNet delta, RecurrentNames names) {
    List<Long> shape = List.of((long) delta.keyWidth(), 1L, (long) delta.taps());
    for (Part part :
        List.of(Part.QUERY_CONVOLUTION, Part.KEY_CONVOLUTION, Part.VALUE_CONVOLUTION)) {
      String tensor = names.of(part);
      drafts.put(tensor, new Draft(shape, draft(tensor).pieces));
    }
  }

  /** What is one part for each key head becomes queries, keys, values, and gates. */
  private void splitByKind(GatedDeltaNet delta, RecurrentNames names) {
    if (names.arrangement() != RecurrentNames.Arrangement.BY_KEY_HEAD) {
      return;
    }
    int hidden = spec.hiddenSize();
    int key = delta.keyDim();
    int values = delta.valueWidth() / delta.keyHeads();
    String source = draft(names.of(Part.BY_KEY_HEAD)).pieces.getFirst().source();
    Draft vectors = new Draft(List.of((long) delta.channels(), (long) hidden));
    Draft gates = new Draft(List.of((long) delta.valueWidth(), (long) hidden));
    addOfEach(vectors, source, delta, 0, key);
    addOfEach(vectors, source, delta, key, key);
    addOfEach(vectors, source, delta, 2 * key, values);
    addOfEach(gates, source, delta, 2 * key + values, values);
    Map<String, Draft> parts = new LinkedHashMap<>();
    parts.put(names.of(Part.QUERY_KEY_VALUE), vectors);
    parts.put(names.of(Part.GATE), gates);
    replace(names.of(Part.BY_KEY_HEAD), parts);
  }

  /** The same rows of each key head's part. */
  private void addOfEach(Draft draft, String source, GatedDeltaNet delta, int first, int rows) {
    int ofHead = (delta.channels() + delta.valueWidth()) / delta.keyHeads();
    for (int head = 0; head < delta.keyHeads(); head++) {
      draft.pieces.add(Piece.rows(source, head * ofHead + first, rows, spec.hiddenSize()));
    }
  }

  /** Heads of values come in turns where files have them so. */
  private void turn(GatedDeltaNet delta, RecurrentNames names) {
    boolean turned =
        spec.names().storage().recurrent() == RecurrentLayout.REFERENCE
            && GgufSpecWriter.names(spec).storage().recurrent() == RecurrentLayout.RATES_IN_TURNS;
    if (!turned) {
      return;
    }
    int first = 2 * delta.keyWidth();
    turnRows(names.of(Part.QUERY_KEY_VALUE), delta, first, delta.valueDim());
    turnRows(names.of(Part.CONVOLUTION), delta, first, delta.valueDim());
    turnRows(names.of(Part.GATE), delta, 0, delta.valueDim());
    for (Part part : List.of(Part.STRENGTH, Part.STEP, Part.TIME_STEP_BIAS, Part.DECAY)) {
      turnRows(names.of(part), delta, 0, 1);
    }
    int ofKey = delta.heads() / delta.keyHeads();
    Piece.Change columns = new Piece.Change.InTurns(delta.keyHeads(), ofKey, delta.valueDim());
    change(names.of(Part.OUTPUT), piece -> piece.with(columns));
  }

  /**
   * One piece becomes as many as there are heads.
   *
   * @param first row of the first head
   * @param rows of each
   */
  private void turnRows(String tensor, GatedDeltaNet delta, int first, int rows) {
    Draft draft = draft(tensor);
    Piece all = draft.pieces.getFirst();
    int columns = draft.shape.size() == 1 ? 1 : all.columns();
    int ofKey = delta.heads() / delta.keyHeads();
    draft.pieces.clear();
    if (first > 0) {
      draft.pieces.add(Piece.rows(all.source(), 0, first, columns).with(all.change()));
    }
    for (int turn = 0; turn < ofKey; turn++) {
      for (int key = 0; key < delta.keyHeads(); key++) {
        int from = first + (key * ofKey + turn) * rows;
        draft.pieces.add(Piece.rows(all.source(), from, rows, columns).with(all.change()));
      }
    }
  }

  /** Files hold the whole weights of norms, whatever the reference adds to its own. */
  private void wholeNorms(WeightNames names) {
    if (spec.norm().kind() != NormSpec.Kind.RMS_AROUND_ONE) {
      return;
    }
    plusOne(names.finalNorm());
    for (LayerSpec layer : spec.layers()) {
      AttentionNames attention = names.attention(layer.index());
      plusOne(attention.norm());
      plusOne(attention.queryNorm());
      plusOne(attention.keyNorm());
      plusOne(names.feedForward(layer.index()).norm());
    }
  }

  private void plusOne(String tensor) {
    change(tensor, piece -> piece.with(new Piece.Change.PlusOne()));
  }

  /** The rows of keys become columns. */
  private void splitByHead(LatentAttention latent, LatentNames names) {
    int rank = latent.keyValueRank();
    Draft keys = new Draft(List.of((long) rank, (long) latent.plainDim()));
    Draft values = new Draft(List.of((long) latent.valueDim(), (long) rank));
    String source = draft(names.keyValueUp()).pieces.getFirst().source();
    for (int head = 0; head < latent.heads(); head++) {
      int row = head * (latent.plainDim() + latent.valueDim());
      keys.pieces.add(Piece.transposed(source, row, latent.plainDim(), rank));
      values.pieces.add(Piece.rows(source, row + latent.plainDim(), latent.valueDim(), rank));
    }
    Map<String, Draft> parts = new LinkedHashMap<>();
    parts.put(GgufNames.tensor(names.keyUp(0)), keys);
    parts.put(GgufNames.tensor(names.valueUp(0)), values);
    replace(names.keyValueUp(), parts);
  }

  /** Puts tensors in the place of one. */
  private void replace(String tensor, Map<String, Draft> parts) {
    Map<String, Draft> all = new LinkedHashMap<>(drafts);
    drafts.clear();
    all.forEach((name, draft) -> drafts.putAll(name.equals(tensor) ? parts : Map.of(name, draft)));
  }

  private Draft draft(String tensor) {
    Draft draft = drafts.get(tensor);
    if (draft == null) {
      throw new IllegalStateException("no tensor " + tensor);
    }
    return draft;
  }

  private void change(String tensor, UnaryOperator<Piece> how) {
    Draft draft = drafts.get(tensor);
    if (draft != null) {
      draft.pieces.replaceAll(how);
    }
  }

  private Entry entry(String name, Draft draft) {
    List<Long> shape = new ArrayList<>(draft.shape);
    if (GgufNames.stacked(name)) {
      shape.addFirst((long) draft.pieces.size());
    } else if (draft.pieces.size() > 1 && shape.size() == 2) {
      shape.set(0, draft.pieces.stream().mapToLong(Piece::rows).sum());
    }
    long columns = shape.getLast();
    return new Entry(
        new GgufWriter.Tensor(name, rule.typeOf(name, WeightRole.of(name, shape), columns), shape),
        draft.pieces);
  }
}
