package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.MatrixPart;
import dev.consilium.model.family.ChannelDeltaNet;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.LightningAttention;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.RecurrentNames;
import dev.consilium.model.family.RecurrentNames.Part;
import dev.consilium.model.family.WeightStorage.RecurrentLayout;
import dev.consilium.tensor.F32Vector;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;

/** Loads the weights of one layer of linear attention, from wherever its kind has them. */
record LinearLoading(WeightLoader loader, RecurrentNames names, LinearAttention spec) {

  LinearWeights load() {
    boolean biases = spec instanceof Mamba2 mamba && mamba.projectionBiases();
    return new LinearWeights(
        spec,
        loader.spec().names().storage().recurrent() == RecurrentLayout.RATES_IN_TURNS,
        RecurrentProjections.load(loader, names, spec, projectionParts(), biases),
        narrow(),
        convolution(),
        timeStepBias(),
        decayRate(),
        spec instanceof Mamba2
            ? Optional.of(loader.vector(names.of(Part.SKIP), spec.heads()))
            : Optional.empty(),
        norm());
  }

  private List<MatrixPart> projectionParts() {
    return switch (spec) {
      case GatedDeltaNet delta -> deltaParts(delta);
      case ChannelDeltaNet delta -> channelDeltaParts(delta);
      case LightningAttention lightning -> lightningParts(lightning);
      case Mamba2 mamba -> mambaParts(mamba);
    };
  }

  private List<MatrixPart> deltaParts(GatedDeltaNet delta) {
    List<MatrixPart> parts = new ArrayList<>();
    switch (names.arrangement()) {
      case APART -> {
        parts.addAll(deltaVectors(delta));
        parts.add(new MatrixPart(names.of(Part.STRENGTH), delta.heads()));
        parts.add(new MatrixPart(names.of(Part.STEP), delta.heads()));
      }
      case BY_KEY_HEAD -> {
        parts.addAll(vectorsByKeyHead(delta));
        parts.addAll(scalarsByKeyHead(delta));
      }
      case SCALARS_BY_KEY_HEAD -> {
        parts.addAll(deltaVectors(delta));
        parts.addAll(scalarsByKeyHead(delta));
      }
    }
    return parts;
  }

  private List<MatrixPart> deltaVectors(GatedDeltaNet delta) {
    return List.of(
        new MatrixPart(names.of(Part.QUERY_KEY_VALUE), delta.channels()),
        new MatrixPart(names.of(Part.GATE), delta.valueWidth()));
  }

  /** In the file, by key head: its query, its key, then values and gates of its heads. */
  private List<MatrixPart> vectorsByKeyHead(GatedDeltaNet delta) {
    int key = delta.keyDim();
    int values = delta.valueWidth() / delta.keyHeads();
    int rows = 2 * key + 2 * values;
    String vectors = names.of(Part.BY_KEY_HEAD);
    return List.of(
        ofEvery(delta.keyHeads(), vectors, rows, 0, key),
        ofEvery(delta.keyHeads(), vectors, rows, key, key),
        ofEvery(delta.keyHeads(), vectors, rows, 2 * key, values),
        ofEvery(delta.keyHeads(), vectors, rows, 2 * key + values, values));
  }

  private List<MatrixPart> scalarsByKeyHead(GatedDeltaNet delta) {
    int heads = delta.heads() / delta.keyHeads();
    String scalars = names.of(Part.SCALARS_BY_KEY_HEAD);
    return List.of(
        ofEvery(delta.keyHeads(), scalars, 2 * heads, 0, heads),
        ofEvery(delta.keyHeads(), scalars, 2 * heads, heads, heads));
  }

  private static MatrixPart ofEvery(int heads, String name, int rows, int first, int length) {
    return new MatrixPart(name, heads * rows, first, length, rows);
  }

  private List<MatrixPart> channelDeltaParts(ChannelDeltaNet delta) {
    return List.of(
        new MatrixPart(names.of(Part.QUERY), delta.keyWidth()),
        new MatrixPart(names.of(Part.KEY), delta.keyWidth()),
        new MatrixPart(names.of(Part.VALUE), delta.valueWidth()),
        new MatrixPart(names.of(Part.DECAY_DOWN), delta.rank()),
        new MatrixPart(names.of(Part.GATE_DOWN), delta.rank()),
        new MatrixPart(names.of(Part.STRENGTH), delta.heads()));
  }

  /** In the file, by head: its query, its key, its value. */
  private List<MatrixPart> lightningParts(LightningAttention lightning) {
    String vectors = names.of(Part.QUERY_KEY_VALUE);
    int dim = lightning.headDim();
    return List.of(
        ofEvery(lightning.heads(), vectors, 3 * dim, 0, dim),
        ofEvery(lightning.heads(), vectors, 3 * dim, dim, dim),
        ofEvery(lightning.heads(), vectors, 3 * dim, 2 * dim, dim),
        new MatrixPart(names.of(Part.GATE), lightning.valueWidth()));
  }

  /** In the file: gate, values, keys, queries, scalars. */
  private List<MatrixPart> mambaParts(Mamba2 mamba) {
    String name = names.of(Part.INPUT);
    int rows = mamba.projectionWidth();
    int values = mamba.valueWidth();
    int keys = mamba.keyWidth();
    return List.of(
        new MatrixPart(name, rows, 2 * values + keys, keys, rows),
        new MatrixPart(name, rows, 2 * values, keys, rows),
        new MatrixPart(name, rows, values, values, rows),
        new MatrixPart(name, rows, 0, values, rows),
        new MatrixPart(name, rows, 2 * values + 2 * keys, mamba.heads(), rows));
  }

  private Optional<LinearWeights.Narrow> narrow() {
    return spec instanceof ChannelDeltaNet delta
        ? Optional.of(
            new LinearWeights.Narrow(
                loader.matrix(names.of(Part.DECAY_UP), delta.keyWidth(), delta.rank()),
                loader.matrix(names.of(Part.GATE_UP), delta.valueWidth(), delta.rank())))
        : Optional.empty();
  }

  private Optional<CausalConvolution> convolution() {
    return switch (spec) {
      case GatedDeltaNet delta ->
          Optional.of(convolution(delta, false, IntUnaryOperator.identity()));
      case ChannelDeltaNet delta ->
          Optional.of(
              CausalConvolution.load(
                  loader,
                  List.of(
                      names.of(Part.QUERY_CONVOLUTION),
                      names.of(Part.KEY_CONVOLUTION),
                      names.of(Part.VALUE_CONVOLUTION)),
                  delta));
      case LightningAttention _ -> Optional.empty();
      case Mamba2 mamba ->
          Optional.of(
              convolution(mamba, mamba.convolutionBias(), channel -> stored(mamba, channel)));
    };
  }

  private CausalConvolution convolution(
      LinearAttention of, boolean bias, IntUnaryOperator storedChannel) {
    return CausalConvolution.load(loader, names.of(Part.CONVOLUTION), of, bias, storedChannel);
  }

  /** Which channel of Mamba's file, with values, keys, queries, is ours: queries, keys, values. */
  private static int stored(Mamba2 mamba, int channel) {
    int keys = mamba.keyWidth();
    if (channel < keys) {
      return mamba.valueWidth() + keys + channel;
    }
    return channel < 2 * keys ? mamba.valueWidth() + channel - keys : channel - 2 * keys;
  }

  private F32Vector timeStepBias() {
    int length = spec.heads() * spec.decays();
    return spec instanceof LightningAttention
        ? F32Vector.of(new float[length])
        : loader.vector(names.of(Part.TIME_STEP_BIAS), length);
  }

  private F32Vector decayRate() {
    float[] rates = new float[spec.heads()];
    if (spec instanceof LightningAttention lightning) {
      for (int head = 0; head < rates.length; head++) {
        rates[head] = lightning.decayRate(head);
      }
      return F32Vector.of(rates);
    }
    long heads = spec.heads();
    List<Long> shape =
        spec instanceof ChannelDeltaNet ? List.of(1L, 1L, heads, 1L) : List.of(heads);
    float[] stored = loader.values(names.of(Part.DECAY), shape);
    for (int head = 0; head < rates.length; head++) {
      rates[head] = decayRate(loader, stored[head]);
    }
    return F32Vector.of(rates);
  }

  /** The rate that a file's number stands for: files hold logarithms, or rates themselves. */
  static float decayRate(WeightLoader loader, float stored) {
    return switch (loader.spec().names().storage().recurrent()) {
      case REFERENCE -> -(float) StrictMath.exp(stored);
      case RATES, RATES_IN_TURNS -> stored;
    };
  }

  private F32Vector norm() {
    int length =
        switch (spec) {
          case GatedDeltaNet _, ChannelDeltaNet _ -> spec.valueDim();
          case LightningAttention _, Mamba2 _ -> spec.valueWidth();
        };
    return loader.vector(names.of(Part.NORM), length);
  }
}
