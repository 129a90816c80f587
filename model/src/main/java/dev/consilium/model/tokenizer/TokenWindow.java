package dev.consilium.model.tokenizer;

import java.util.Arrays;

/** The few most recent token ids of a stream. */
final class TokenWindow {

  private int[] ids = new int[16];
  private int size;

  void add(int id) {
    if (size == ids.length) {
      ids = Arrays.copyOf(ids, 2 * size);
    }
    ids[size++] = id;
  }

  int size() {
    return size;
  }

  void clear() {
    size = 0;
  }

  void dropFirst(int count) {
    System.arraycopy(ids, count, ids, 0, size - count);
    size -= count;
  }

  int[] slice(int from, int to) {
    return Arrays.copyOfRange(ids, from, to);
  }

  int[] all() {
    return slice(0, size);
  }
}
