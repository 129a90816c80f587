package dev.consilium.model.checkpoint;

import dev.consilium.model.family.Activation;
import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.BlockNames;
import dev.consilium.model.family.ChannelDeltaNet;
import dev.consilium.model.family.DenseFeedForward;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LatentNames;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.LightningAttention;
import dev.consilium.model.family.Mamba1;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NarrowTokens;
import dev.consilium.model.family.NoFeedForward;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.NoSharedExperts;
import dev.consilium.model.family.QkNorm;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.RecurrentNames;
import dev.consilium.model.family.RecurrentNames.Arrangement;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.model.family.SharedExpert;
import dev.consilium.model.family.ShortConvolution;
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
    new SpecTensors(spec, visitor).expert(experts, spec.names().feedForward(layer), 0);
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
      case RecurrentAttention recurrent -> recurrent(recurrent, attention);
      case LatentAttention latent -> latent(latent, attention);
      case NoMixing() -> {}
    }
    FeedForwardNames names = spec.names().feedForward(layer.index());
    switch (layer.feedForward()) {
      case DenseFeedForward dense -> {
        norm(names.norm());
        block(names.dense(), dense.intermediateSize(), dense.body());
      }
      case MixtureOfExperts experts -> {
        norm(names.norm());
        experts(experts, names);
      }
      case NoFeedForward() -> {}
    }
  }

  private void attention(GroupedQueryAttention attention, AttentionNames names) {
    int hidden = spec.hiddenSize();
    int query = attention.queryWidth();
    int keyValue = attention.keyValueWidth();
    norm(names.norm());
    int queryRows = attention.outputGate() ? 2 * query : query;
    matrix(names.query().weight(), queryRows, hidden);
    matrix(names.key().weight(), keyValue, hidden);
    matrix(names.value().weight(), keyValue, hidden);
    matrix(names.output().weight(), hidden, query);
    if (attention.queryKeyValueBias()) {
      vector(names.query().bias(), queryRows);
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

  private void recurrent(RecurrentAttention recurrent, AttentionNames all) {
    RecurrentNames names = all.recurrent();
    vector(all.norm(), spec.hiddenSize());
    matrix(names.of(Part.OUTPUT), spec.hiddenSize(), recurrent.valueWidth());
    switch (recurrent) {
      case ShortConvolution convolution -> {
        matrix(names.of(Part.INPUT), convolution.projectionWidth(), spec.hiddenSize());
        convolution(convolution, convolution.biases(), names);
        projectionBiases(convolution, convolution.biases(), names);
      }
      case Mamba1 mamba -> {
        matrix(names.of(Part.INPUT), mamba.projectionWidth(), spec.hiddenSize());
        convolution(mamba, mamba.convolutionBias(), names);
        projectionBiases(mamba, mamba.projectionBiases(), names);
        selection(mamba, names);
      }
      case GatedDeltaNet delta -> {
        deltaProjection(delta, names);
        convolution(delta, false, names);
        timeSteps(delta.heads(), names);
        vector(names.of(Part.NORM), delta.valueDim());
      }
      case ChannelDeltaNet delta -> channelDelta(delta, names);
      case LightningAttention lightning -> {
        matrix(names.of(Part.QUERY_KEY_VALUE), lightning.channels(), spec.hiddenSize());
        matrix(names.of(Part.GATE), lightning.valueWidth(), spec.hiddenSize());
        vector(names.of(Part.NORM), lightning.valueWidth());
      }
      case Mamba2 mamba -> {
        matrix(names.of(Part.INPUT), mamba.projectionWidth(), spec.hiddenSize());
        convolution(mamba, mamba.convolutionBias(), names);
        projectionBiases(mamba, mamba.projectionBiases(), names);
        timeSteps(mamba.heads(), names);
        vector(names.of(Part.SKIP), mamba.heads());
        vector(names.of(Part.NORM), mamba.valueWidth());
      }
    }
  }

  private void deltaProjection(GatedDeltaNet delta, RecurrentNames names) {
    int hidden = spec.hiddenSize();
    if (names.arrangement() == Arrangement.BY_KEY_HEAD) {
      matrix(names.of(Part.BY_KEY_HEAD), delta.channels() + delta.valueWidth(), hidden);
    } else {
      matrix(names.of(Part.QUERY_KEY_VALUE), delta.channels(), hidden);
      matrix(names.of(Part.GATE), delta.valueWidth(), hidden);
    }
    if (names.arrangement() == Arrangement.APART) {
      matrix(names.of(Part.STRENGTH), delta.heads(), hidden);
      matrix(names.of(Part.STEP), delta.heads(), hidden);
    } else {
      matrix(names.of(Part.SCALARS_BY_KEY_HEAD), (long) delta.scalars() * delta.heads(), hidden);
    }
  }

  private void channelDelta(ChannelDeltaNet delta, RecurrentNames names) {
    int width = delta.keyWidth();
    for (Part part : List.of(Part.QUERY, Part.KEY, Part.VALUE)) {
      matrix(names.of(part), width, spec.hiddenSize());
    }
    for (Part part :
        List.of(Part.QUERY_CONVOLUTION, Part.KEY_CONVOLUTION, Part.VALUE_CONVOLUTION)) {
      visitor.tensor(names.of(part), List.of((long) width, 1L, (long) delta.taps()));
    }
    for (Part part : List.of(Part.DECAY_DOWN, Part.GATE_DOWN)) {
      matrix(names.of(part), delta.rank(), spec.hiddenSize());
    }
    for (Part part : List.of(Part.DECAY_UP, Part.GATE_UP)) {
      matrix(names.of(part), width, delta.rank());
    }
    matrix(names.of(Part.STRENGTH), delta.heads(), spec.hiddenSize());
    vector(names.of(Part.TIME_STEP_BIAS), width);
    visitor.tensor(names.of(Part.DECAY), List.of(1L, 1L, (long) delta.heads(), 1L));
    vector(names.of(Part.NORM), delta.valueDim());
  }

  private void selection(Mamba1 mamba, RecurrentNames names) {
    matrix(names.of(Part.SELECTION), mamba.selectionWidth(), mamba.channels());
    vector(names.of(Part.TIME_STEP_NORM), mamba.rank());
    vector(names.of(Part.KEY_NORM), mamba.stateSize());
    vector(names.of(Part.QUERY_NORM), mamba.stateSize());
    matrix(names.of(Part.TIME_STEP), mamba.channels(), mamba.rank());
    vector(WeightNames.bias(names.of(Part.TIME_STEP)), mamba.channels());
    matrix(names.of(Part.DECAY), mamba.channels(), mamba.stateSize());
    vector(names.of(Part.SKIP), mamba.channels());
  }

  private void projectionBiases(RecurrentAttention recurrent, boolean has, RecurrentNames names) {
    if (has) {
      vector(WeightNames.bias(names.of(Part.INPUT)), recurrent.projectionWidth());
      vector(WeightNames.bias(names.of(Part.OUTPUT)), spec.hiddenSize());
    }
  }

  private void convolution(RecurrentAttention recurrent, boolean bias, RecurrentNames names) {
    String name = names.of(Part.CONVOLUTION);
    visitor.tensor(name, List.of((long) recurrent.channels(), 1L, (long) recurrent.taps()));
    if (bias) {
      vector(WeightNames.bias(name), recurrent.channels());
    }
  }

  private void timeSteps(int heads, RecurrentNames names) {
    vector(names.of(Part.TIME_STEP_BIAS), heads);
    vector(names.of(Part.DECAY), heads);
  }

  private void latent(LatentAttention attention, AttentionNames names) {
    int hidden = spec.hiddenSize();
    int query = attention.heads() * attention.queryDim();
    int rank = attention.keyValueRank();
    LatentNames latent = names.latent();
    vector(names.norm(), hidden);
    if (attention.queryRank().isPresent()) {
      matrix(latent.queryDown(), attention.queryRank().getAsInt(), hidden);
      vector(latent.queryNorm(), attention.queryRank().getAsInt());
      matrix(latent.queryUp(), query, attention.queryRank().getAsInt());
    } else {
      matrix(names.query().weight(), query, hidden);
    }
    matrix(latent.keyValueDown(), attention.cacheWidth(), hidden);
    vector(latent.keyValueNorm(), rank);
    if (attention.bias()) {
      attention.queryRank().ifPresent(width -> vector(WeightNames.bias(latent.queryDown()), width));
      vector(WeightNames.bias(latent.keyValueDown()), attention.cacheWidth());
      vector(names.output().bias(), hidden);
    }
    switch (spec.names().storage().latent()) {
      case ONE_MATRIX -> {
        int ofHead = attention.plainDim() + attention.valueDim();
        matrix(latent.keyValueUp(), (long) attention.heads() * ofHead, rank);
      }
      case BY_HEAD -> {
        for (int head = 0; head < attention.heads(); head++) {
          matrix(latent.keyUp(head), rank, attention.plainDim());
        }
        for (int head = 0; head < attention.heads(); head++) {
          matrix(latent.valueUp(head), attention.valueDim(), rank);
        }
      }
    }
    matrix(names.output().weight(), hidden, (long) attention.heads() * attention.valueDim());
  }

  private void experts(MixtureOfExperts experts, FeedForwardNames names) {
    GateSpec gate = experts.gate();
    matrix(names.gate().weight(), gate.choices(), spec.hiddenSize());
    if (gate.bias()) {
      vector(names.gate().bias(), gate.choices());
    }
    if (gate.selection().correctionBias()) {
      vector(names.gate().correctionBias(), gate.choices());
    }
    for (int i = 0; i < gate.expertCount(); i++) {
      expert(experts, names, i);
    }
    shared(experts, names);
    experts.narrow().ifPresent(narrow -> narrow(narrow, names));
  }

  private void narrow(NarrowTokens narrow, FeedForwardNames names) {
    matrix(names.narrow(), narrow.width(), spec.hiddenSize());
    matrix(names.wide(), spec.hiddenSize(), narrow.width());
    if (narrow.biases()) {
      vector(WeightNames.bias(names.narrow()), narrow.width());
      vector(WeightNames.bias(names.wide()), spec.hiddenSize());
    }
  }

  private void expert(MixtureOfExperts experts, FeedForwardNames names, int index) {
    int width = experts.expertWidth(spec.hiddenSize());
    int intermediate = experts.expertIntermediateSize();
    block(names.expert(index), width, intermediate, experts.body().activation());
    if (experts.body().biases()) {
      biases(names.expertBias(index), width, intermediate, experts.body().activation());
    }
  }

  private void shared(MixtureOfExperts experts, FeedForwardNames names) {
    switch (experts.shared()) {
      case NoSharedExperts() -> {}
      case SharedExpert shared -> {
        block(names.shared(), shared.intermediateSize(), shared.body());
        if (shared.sigmoidGated()) {
          matrix(names.sharedGate(), 1, spec.hiddenSize());
        }
      }
    }
  }

  /** A block that sees every token. */
  private void block(BlockNames names, int intermediate, BlockBody body) {
    block(names, spec.hiddenSize(), intermediate, body.activation());
    if (body.biases()) {
      biases(names.biases(), spec.hiddenSize(), intermediate, body.activation());
    }
  }

  private void block(BlockNames names, int width, int intermediate, Activation activation) {
    if (activation.gated()) {
      matrix(names.gate(), intermediate, width);
    }
    matrix(names.up(), intermediate, width);
    matrix(names.down(), width, intermediate);
  }

  private void biases(BlockNames names, int width, int intermediate, Activation activation) {
    if (activation.gated()) {
      vector(names.gate(), intermediate);
    }
    vector(names.up(), intermediate);
    vector(names.down(), width);
  }

  private void norm(String name) {
    vector(name, spec.hiddenSize());
    if (spec.norm().kind().biased()) {
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
