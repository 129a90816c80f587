package dev.consilium.model.family;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * Multi-head latent attention: keys and values of all heads are made of one narrow vector per
 * token, and that is what the cache keeps, beside one rotated key that all heads share.
 *
 * <ol>
 *   <li>The token gives a latent vector {@code c [keyValueRank]}, RMS-normalised, and a shared
 *       rotated key {@code r [rotaryDim]}; the cache row is {@code [c, r]}.
 *   <li>Head h has a query {@code [q, s]}, the second part rotated, straight from the token or by
 *       way of a normalised vector {@code [queryRank]}.
 *   <li>Its score with a token is {@code scale * (q . (K_h c) + s . r)}, its value {@code V_h c}.
 *       By {@code q . (K_h c) = (K_h^T q) . c} keys are never made; by the sum of {@code w V_h c}
 *       being {@code V_h} times the sum of {@code w c}, nor are values.
 * </ol>
 *
 * @param heads query heads
 * @param queryRank width of the vector that queries are made of; empty: of the token itself
 * @param keyValueRank width of the latent vector
 * @param plainDim values of a head's query that are not rotated
 * @param valueDim values per head that the output projection takes
 * @param scale what products are multiplied by before the softmax
 * @param latentFactor what the normalised latent vector is multiplied by
 * @param sharedDim values of the key that all heads share, and of what meets it in a query
 * @param rotary of those, all of them; empty: they are not rotated
 * @param bias whether what makes the narrow vectors, and the output projection, have biases
 * @param normEpsilon added to the mean square inside the norms of both narrow vectors
 * @see <a href="https://arxiv.org/abs/2405.04434">DeepSeek-V2, section 2.1</a>
 */
public record LatentAttention(
    int heads,
    OptionalInt queryRank,
    int keyValueRank,
    int plainDim,
    int valueDim,
    float scale,
    float latentFactor,
    int sharedDim,
    Optional<RotarySpec> rotary,
    boolean bias,
    float normEpsilon)
    implements AttentionSpec {

  /** Values of a head's query. */
  public int queryDim() {
    return plainDim + sharedDim;
  }

  /** Values of the queries of all heads. */
  public int queryWidth() {
    return heads * queryDim();
  }

  /** Values of a token that queries are made of: the narrow vector, or else the queries. */
  public int queryInput() {
    return queryRank.orElse(queryWidth());
  }

  /** Values of a token in the cache. */
  public int cacheWidth() {
    return keyValueRank + sharedDim;
  }
}
