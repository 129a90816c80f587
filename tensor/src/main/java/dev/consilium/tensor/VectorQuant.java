package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/** to be replaced */
final class VectorQuant {
  private VectorQuant() {}

  static void quantise(MemorySegment x, long xOffset, int n, MemorySegment into, long at) {
    ScalarQuant.quantise(x, xOffset, n, into, at);
  }

  static void multiply(
      MatmulJob job,
      QuantisedTokens tokens,
      int firstPanel,
      int endPanel,
      int firstToken,
      int endToken) {
    ScalarQuant.multiply(job, tokens, firstPanel, endPanel, firstToken, endToken);
  }
}
