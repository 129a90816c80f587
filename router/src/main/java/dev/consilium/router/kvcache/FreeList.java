package dev.consilium.router.kvcache;

/** Which of a fixed number of equal things are free; the one given back last is taken first. */
final class FreeList {
  private final String name;
  private final int[] free;
  private int count;

  FreeList(String name, int total) {
    this.name = name;
    free = new int[total];
    count = total;
    for (int i = 0; i < total; i++) {
      free[i] = total - 1 - i;
    }
  }

  int total() {
    return free.length;
  }

  int count() {
    return count;
  }

  int take() {
    if (count == 0) {
      throw new IllegalStateException(
          "KV pool is empty: the scheduler planned more %s than the %d there are"
              .formatted(name, free.length));
    }
    return free[--count];
  }

  void giveBack(int index) {
    free[count++] = index;
  }
}
