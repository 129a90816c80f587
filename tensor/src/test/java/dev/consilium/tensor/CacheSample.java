package dev.consilium.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/**
 * A cache with random keys and values, in blocks that lie backwards in a pool whose other memory is
 * NaN.
 */
final class CacheSample {
  private final KvBlocks blocks;
  private final float[][] keys;
  private final float[][] values;

  private CacheSample(KvBlocks blocks, float[][] keys, float[][] values) {
    this.blocks = blocks;
    this.keys = keys;
    this.values = values;
  }

  KvBlocks blocks() {
    return blocks;
  }

  float key(int position, int element) {
    return keys[position][element];
  }

  float value(int position, int element) {
    return values[position][element];
  }

  static CacheSample of(Random random, AttentionShape shape, int tokens, Samples.Draw draw) {
    CacheSample sample = empty(shape, tokens);
    for (int position = 0; position < tokens; position++) {
      sample.store(random, shape, position, draw);
    }
    return sample;
  }

  private static CacheSample empty(AttentionShape shape, int tokens) {
    int blocks = (tokens + 15) / 16;
    long blockBytes = shape.blockBytes();
    MemorySegment pool = Arena.ofAuto().allocate(blocks * blockBytes, 64);
    pool.fill((byte) 0xff);
    long[] offsets = new long[blocks];
    for (int block = 0; block < blocks; block++) {
      offsets[block] = (blocks - 1 - block) * blockBytes;
    }
    int width = shape.kvHeads() * shape.headDim();
    return new CacheSample(
        KvBlocks.of(pool, offsets), new float[tokens][width], new float[tokens][width]);
  }

  /** The same keys, with values beside them that are as wide. */
  CacheSample storedTwice(AttentionShape other, int tokens) {
    CacheSample both = empty(other, tokens);
    for (int position = 0; position < tokens; position++) {
      both.keys[position] = keys[position];
      both.values[position] = keys[position];
      both.store(other, position);
    }
    return both;
  }

  private void store(Random random, AttentionShape shape, int position, Samples.Draw draw) {
    int width = keys[position].length;
    for (int i = 0; i < width; i++) {
      keys[position][i] = draw.from(random);
      values[position][i] = shape.keyPrefix() ? keys[position][i] : draw.from(random);
    }
    store(shape, position);
  }

  private void store(AttentionShape shape, int position) {
    int width = keys[position].length;
    F32Matrix both = F32Matrix.allocate(1, 2 * width);
    both.columns(0, width).writeRow(0, keys[position]);
    both.columns(width, width).writeRow(0, values[position]);
    Kernels.scalar().storeKeyValue(shape, blocks, position, 1, both.segment(), 0, width * 4L, 0);
  }
}
