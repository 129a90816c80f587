package dev.consilium.model.family;

import java.util.OptionalInt;

/**
 * Softmax attention in which several query heads share one key-value head.
 *
 * <p>Query head {@code h} reads key-value head {@code h / (heads / kvHeads)}.
 *
 * @param heads query heads
 * @param kvHeads key-value heads; divides {@code heads}
 * @param headDim values per head; {@code heads * headDim} need not be the hidden size
 * @param scale what query-key products are multiplied by before the softmax
 * @param rotary how positions enter queries and keys
 * @param qkNorm the RMS norm on queries and keys, before the rotation
 * @param queryKeyValueBias whether the three input projections have biases
 * @param outputBias whether the output projection has one
 * @param slidingWindow how many keys a token sees, its own included; empty: all before it
 */
public record GroupedQueryAttention(
    int heads,
    int kvHeads,
    int headDim,
    float scale,
    RotarySpec rotary,
    QkNorm qkNorm,
    boolean queryKeyValueBias,
    boolean outputBias,
    OptionalInt slidingWindow)
    implements AttentionSpec {

  public GroupedQueryAttention {
    if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          heads + " query heads cannot share " + kvHeads + " key-value heads evenly");
    }
    if (rotary.rotaryDim() > headDim) {
      throw new IllegalArgumentException(
          "rotation over " + rotary.rotaryDim() + " values of a head of " + headDim);
    }
  }

  /** Values of all query heads of a token. */
  public int queryWidth() {
    return heads * headDim;
  }

  /** Values of all keys, or all values, of a token. */
  public int keyValueWidth() {
    return kvHeads * headDim;
  }
}
