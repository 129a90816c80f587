package dev.consilium.model.family;

/**
 * Attention by a state of fixed size instead of by keys of all tokens: each head remembers values
 * at keys in a matrix {@code [keyDim, valueDim]} that decays, and reads it with a query.
 *
 * <p>Queries, keys and values pass a causal convolution over the last {@link #taps} tokens and SiLU
 * first. Head {@code h} uses key head {@code h / (heads / keyHeads)}.
 */
public sealed interface LinearAttention extends RecurrentAttention
    permits GatedDeltaNet, ChannelDeltaNet, LightningAttention, Mamba2 {

  /** Heads, each with a value and a state of its own. */
  int heads();

  /** Heads of queries and keys; divides {@link #heads}. */
  int keyHeads();

  /** Values of a query or key of a head: rows of a state. */
  int keyDim();

  /** Values of a value of a head: columns of a state. */
  int valueDim();

  /** Numbers per head and token, beside vectors, that the projection gives. */
  int scalars();

  /** Values of the queries, or the keys, of a token. */
  default int keyWidth() {
    return keyHeads() * keyDim();
  }

  @Override
  default int valueWidth() {
    return heads() * valueDim();
  }

  /** Queries, keys, values. */
  @Override
  default int channels() {
    return 2 * keyWidth() + valueWidth();
  }

  /** Decays of a head, each of {@code keyDim / decays} rows of its state. */
  default int decays() {
    return 1;
  }

  /** Where the output gate lies in what the projection gives, behind the channels. */
  default int gateColumn() {
    return channels();
  }

  /** Where the scalars lie. */
  default int scalarColumn() {
    return channels() + valueWidth();
  }

  /** Channels, an output gate as wide as values, scalars. */
  @Override
  default int projectionWidth() {
    return Math.max(gateColumn() + valueWidth(), scalarColumn() + scalars() * heads());
  }

  /** What all heads keep of a sequence. */
  @Override
  default long stateElements() {
    return (long) heads() * keyDim() * valueDim();
  }

  /** Refuses sizes that do not go together. */
  static void check(int heads, int keyHeads, int keyDim, int valueDim, int taps) {
    if (heads < 1 || keyHeads < 1 || heads % keyHeads != 0) {
      throw new IllegalArgumentException(
          heads + " heads cannot share " + keyHeads + " key heads evenly");
    }
    if (keyDim < 1 || valueDim < 1 || taps < 1) {
      throw new IllegalArgumentException(
          "keys of %d, values of %d, %d taps; want at least 1 of each"
              .formatted(keyDim, valueDim, taps));
    }
  }
}
