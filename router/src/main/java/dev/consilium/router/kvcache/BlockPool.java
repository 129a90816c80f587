package dev.consilium.router.kvcache;

import dev.consilium.tensor.LargeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Equal blocks of memory, of which sequences take some. */
final class BlockPool {
  private final long blockBytes;
  private final MemorySegment memory;
  private final FreeList free;

  BlockPool(Arena arena, String name, long blockBytes, int count) {
    this.blockBytes = blockBytes;
    this.memory = LargeMemory.allocate(arena, Math.multiplyExact(blockBytes, (long) count));
    this.free = new FreeList(name, count);
  }

  FreeList free() {
    return free;
  }

  /** All blocks. */
  MemorySegment memory() {
    return memory;
  }

  /** Where a block begins, in bytes into {@link #memory}. */
  long offset(int block) {
    return block * blockBytes;
  }

  /** One block. */
  MemorySegment block(int block) {
    return memory.asSlice(offset(block), blockBytes);
  }
}
