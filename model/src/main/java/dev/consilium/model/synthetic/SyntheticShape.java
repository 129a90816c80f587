package dev.consilium.model.synthetic;

/** Sizes of a synthetic model. Rows are whole blocks of every type. */
public enum SyntheticShape {
  /** 24 million weights: for tests. */
  TINY(512, 4, 8, 4, 64, 8, 2, 256, 8192),
  /** 703 million weights, 141 million of them for one token. */
  SMALL(1024, 12, 16, 4, 64, 32, 4, 512, 32_768),
  /** 3.5 billion weights, 640 million of them for one token. */
  MEDIUM(2048, 16, 16, 4, 128, 64, 8, 512, 32_768);

  final int hidden;
  final int layers;
  final int heads;
  final int kvHeads;
  final int headDim;
  final int experts;
  final int topK;
  final int intermediate;
  final int vocabulary;

  SyntheticShape(
      int hidden,
      int layers,
      int heads,
      int kvHeads,
      int headDim,
      int experts,
      int topK,
      int intermediate,
      int vocabulary) {
    this.hidden = hidden;
    this.layers = layers;
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.headDim = headDim;
    this.experts = experts;
    this.topK = topK;
    this.intermediate = intermediate;
    this.vocabulary = vocabulary;
  }
}
