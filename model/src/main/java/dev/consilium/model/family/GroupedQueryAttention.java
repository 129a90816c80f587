package dev.consilium.model.family;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * Softmax attention in which several query heads share one key-value head.
 *
 * <p>Query head {@code h} reads key-value head {@code h / (heads / kvHeads)}.
 *
 * @param heads query heads
 * @param kvHeads key-value heads; divides {@code heads}
 * @param headDim values per head; {@code heads * headDim} need not be the hidden size
 * @param rotary how positions enter queries and keys; empty: not at all
 * @param qkNorm the RMS norm on queries and keys
 * @param keys which keys a token sees
 * @param scores how products of queries and keys become weights
 * @param projections what is around the matrices of queries, keys, values and the result
 */
public record GroupedQueryAttention(
    int heads,
    int kvHeads,
    int headDim,
    Optional<RotarySpec> rotary,
    QkNorm qkNorm,
    KeyRange keys,
    AttentionScores scores,
    AttentionProjections projections)
    implements AttentionSpec {

  public GroupedQueryAttention {
    if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          heads + " query heads cannot share " + kvHeads + " key-value heads evenly");
    }
    int turned = rotary.map(RotarySpec::rotaryDim).orElse(0);
    if (turned > headDim) {
      throw new IllegalArgumentException(
          "rotation over " + turned + " values of a head of " + headDim);
    }
  }

  /** The same with positions that enter otherwise. */
  public GroupedQueryAttention withRotary(Optional<RotarySpec> other) {
    return new GroupedQueryAttention(
        heads, kvHeads, headDim, other, qkNorm, keys, scores, projections);
  }

  /** Whether query, key and value have biases. */
  public boolean queryKeyValueBias() {
    return projections.inputBiases();
  }

  /** Whether the output has a bias. */
  public boolean outputBias() {
    return projections.outputBias();
  }

  /** Whether a gate multiplies the result. */
  public boolean outputGate() {
    return projections.gate();
  }

  /** Values of all query heads of a token. */
  public int queryWidth() {
    return heads * headDim;
  }

  /** Values of all keys, or all values, of a token. */
  public int keyValueWidth() {
    return kvHeads * headDim;
  }

  /** What the stacked projections give of a token: queries, keys, values, and the gate if any. */
  public int projectionWidth() {
    return (outputGate() ? 2 : 1) * queryWidth() + 2 * keyValueWidth();
  }

  /** What products of queries and keys are multiplied by. */
  public float scale() {
    return scores.scale();
  }

  /** How many keys a token sees, its own included, if it sees the last ones only. */
  public OptionalInt slidingWindow() {
    return keys instanceof SlidingWindow window
        ? OptionalInt.of(window.keys())
        : OptionalInt.empty();
  }
}
