package dev.consilium.router.bench;

import dev.consilium.router.kvcache.KvPool;

/** What is computed and timed. */
public sealed interface Workload {

  /** Tokens that every sequence has before the time begins. */
  int depth();

  /** Sequences that are computed together. */
  int sequences();

  /** Tokens of each sequence that are timed. */
  int tokens();

  /** Tokens of each sequence at the end. */
  default int length() {
    return depth() + tokens();
  }

  /** Blocks of the KV cache that all sequences take. */
  default int cacheBlocks() {
    return Math.multiplyExact(sequences(), KvPool.blocksFor(length()));
  }

  /** In the words of llama-bench: {@code pp512}, {@code tg128 x 4 @ d4096}. */
  String name();

  /** A prompt of one sequence, computed in the chunks that fit a step; logits of its last token. */
  record Prefill(int tokens, int depth) implements Workload {
    public Prefill {
      check(tokens, 1, depth);
    }

    @Override
    public int sequences() {
      return 1;
    }

    @Override
    public String name() {
      return "pp" + tokens + suffix(this);
    }
  }

  /** Step by step one token for every sequence, with its logits. */
  record Decode(int tokens, int sequences, int depth) implements Workload {
    public Decode {
      check(tokens, sequences, depth);
    }

    @Override
    public String name() {
      return "tg" + tokens + suffix(this);
    }
  }

  private static void check(int tokens, int sequences, int depth) {
    if (tokens < 1 || sequences < 1 || depth < 0) {
      throw new IllegalArgumentException(
          "%d tokens of %d sequences at depth %d: expected at least 1, 1 and 0"
              .formatted(tokens, sequences, depth));
    }
  }

  private static String suffix(Workload of) {
    return (of.sequences() > 1 ? " x " + of.sequences() : "")
        + (of.depth() > 0 ? " @ d" + of.depth() : "");
  }
}
