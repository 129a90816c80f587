package dev.consilium.router.forward;

import dev.consilium.model.family.LinearAttention;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.Optional;

/**
 * Weights of one layer of linear attention. Files order the outputs of the projection in different
 * ways; here it is always as {@link LinearAttention} says, but for the number of a head.
 *
 * @param inTurns whether heads of values are numbered in turns, and head {@code h} uses key head
 *     {@code h % keyHeads}: what they give meets columns of the last projection in that order
 * @param projections of a token to queries, keys, values, output gate and scalars; without the gate
 *     where that is in {@code narrow}
 * @param narrow what decays and gates come of, where they come of narrow vectors
 * @param convolution over queries, keys, values, if they pass one
 * @param timeStepBias {@code [heads * decays]}; zeros where there are no time steps
 * @param decayRate {@code [heads]}, negative: the logarithm of the decay is its product with the
 *     time step
 * @param skip {@code [heads]}
 * @param norm {@code [valueDim]}, or {@code [valueWidth]} where several heads are normalised
 *     together
 */
record LinearWeights(
    LinearAttention spec,
    boolean inTurns,
    RecurrentProjections projections,
    Optional<Narrow> narrow,
    Optional<CausalConvolution> convolution,
    F32Vector timeStepBias,
    F32Vector decayRate,
    Optional<F32Vector> skip,
    F32Vector norm)
    implements AttentionWeights {

  /**
   * From narrow vectors to decays and output gates.
   *
   * @param decays {@code [keyWidth, rank]}
   * @param gates {@code [valueWidth, rank]}
   */
  record Narrow(PackedMatrix decays, PackedMatrix gates) {}

  static LinearWeights load(WeightLoader loader, int layer, LinearAttention spec) {
    return new LinearLoading(loader, loader.spec().names().attention(layer).recurrent(), spec)
        .load();
  }

  @Override
  public long matrixBytes() {
    return projections.matrixBytes()
        + narrow.map(up -> up.decays().byteSize() + up.gates().byteSize()).orElse(0L);
  }
}
