package dev.consilium.model.checkpoint;

import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.GatedNames;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoSharedExperts;
import dev.consilium.model.family.NormSpec;
import dev.consilium.model.family.QkNorm;
import dev.consilium.model.family.SharedExpert;
import dev.consilium.model.family.WeightNames;
import java.util.List;

/** Walks through every tensor that a specification needs, with its name and shape. */
public final class SpecTensors {

  /** Is told of each tensor; throwing ends the walk. */
  public interface Visitor {
    void tensor(String name, List<Long> shape);
  }

  private final ModelSpec spec;
  private final Visitor visitor;

  private SpecTensors(ModelSpec spec, Visitor visitor) {
    this.spec = spec;
    this.visitor = visitor;
  }

  /** All tensors of a model. */
  public static void visit(ModelSpec spec, Visitor visitor) {
    new SpecTensors(spec, visitor).model();
  }

  /** The tensors of one layer. */
  static void visit(ModelSpec spec, LayerSpec layer, Visitor visitor) {
    new SpecTensors(spec, visitor).layer(layer);
  }

  /** The tensors of one routed expert; all of a layer are alike. */
  static void visitExpert(ModelSpec spec, int layer, MixtureOfExperts experts, Visitor visitor) {
    new SpecTensors(spec, visitor)
        .gated(spec.names().feedForward(layer).expert(0), experts.expertIntermediateSize());
  }

  /** The tensors of the experts of a layer that see every token. */
  static void visitShared(ModelSpec spec, int layer, MixtureOfExperts experts, Visitor visitor) {
    new SpecTensors(spec, visitor).shared(experts, spec.names().feedForward(layer));
  }

  private void model() {
    matrix(spec.names().embedding(), spec.vocabularySize(), spec.hiddenSize());
    if (!spec.tiedEmbeddings()) {
      matrix(spec.names().head(), spec.vocabularySize(), spec.hiddenSize());
    }
    if (spec.headBias()) {
      vector(WeightNames.bias(spec.headName()), spec.vocabularySize());
    }
    norm(spec.names().finalNorm());
    spec.layers().forEach(this::layer);
  }

  private void layer(LayerSpec layer) {
    AttentionNames attention = spec.names().attention(layer.index());
    switch (layer.attention()) {
      case GroupedQueryAttention grouped -> attention(grouped, attention);
    }
    FeedForwardNames names = spec.names().feedForward(layer.index());
    norm(names.norm());
    switch (layer.feedForward()) {
      case DenseFeedForward dense -> gated(names.dense(), dense.intermediateSize());
      case MixtureOfExperts experts -> experts(experts, names);
    }
  }

  private void attention(GroupedQueryAttention attention, AttentionNames names) {
    int hidden = spec.hiddenSize();
    int query = attention.queryWidth();
    int keyValue = attention.keyValueWidth();
    norm(names.norm());
    matrix(names.query().weight(), query, hidden);
    matrix(names.key().weight(), keyValue, hidden);
    matrix(names.value().weight(), keyValue, hidden);
    matrix(names.output().weight(), hidden, query);
    if (attention.queryKeyValueBias()) {
      vector(names.query().bias(), query);
      vector(names.key().bias(), keyValue);
      vector(names.value().bias(), keyValue);
    }
    if (attention.outputBias()) {
      vector(names.output().bias(), hidden);
    }
    if (attention.qkNorm().weighted()) {
      boolean whole = attention.qkNorm() == QkNorm.WHOLE_PROJECTION;
      vector(names.queryNorm(), whole ? query : attention.headDim());
      vector(names.keyNorm(), whole ? keyValue : attention.headDim());
    }
    if (attention.scores().sinks()) {
      vector(names.sinks(), attention.heads());
    }
  }

  private void experts(MixtureOfExperts experts, FeedForwardNames names) {
    matrix(names.gate(), experts.gate().expertCount(), spec.hiddenSize());
    for (int i = 0; i < experts.gate().expertCount(); i++) {
      gated(names.expert(i), experts.expertIntermediateSize());
    }
    shared(experts, names);
  }

  private void shared(MixtureOfExperts experts, FeedForwardNames names) {
    switch (experts.shared()) {
      case NoSharedExperts() -> {}
      case SharedExpert shared -> {
        gated(names.shared(), shared.intermediateSize());
        if (shared.sigmoidGated()) {
          matrix(names.sharedGate(), 1, spec.hiddenSize());
        }
      }
    }
  }

  private void gated(GatedNames names, int intermediate) {
    matrix(names.gate(), intermediate, spec.hiddenSize());
    matrix(names.up(), intermediate, spec.hiddenSize());
    matrix(names.down(), spec.hiddenSize(), intermediate);
  }

  private void norm(String name) {
    vector(name, spec.hiddenSize());
    if (spec.norm().kind() == NormSpec.Kind.LAYER) {
      vector(WeightNames.bias(name), spec.hiddenSize());
    }
  }

  private void matrix(String name, long rows, long columns) {
    visitor.tensor(name, List.of(rows, columns));
  }

  private void vector(String name, long length) {
    visitor.tensor(name, List.of(length));
  }
}
