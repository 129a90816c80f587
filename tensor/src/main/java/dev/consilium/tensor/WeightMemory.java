package dev.consilium.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Memory for weights. A matrix by itself is often smaller than a huge page, and the matrices of a
 * model's experts are of a few sizes only: those of one size lie side by side in slabs, which are
 * on huge pages as a whole.
 *
 * <p>What is freed goes back to the system at once; its place is used again by the next matrix of
 * that size. A slab is unmapped with its last matrix.
 *
 * <p>Threading: any thread; the arena says who may use the memory.
 */
final class WeightMemory {
  private static final long PAGE = 4096;

  /** Smaller matrices are no use to put together. */
  private static final long LEAST_BYTES = 16 * PAGE;

  private static final long SLAB_BYTES = 64L << 20;

  /** Slabs with room, by the bytes of their slots. Guarded by this class, as all slabs are. */
  private static final Map<Long, Deque<Slab>> WITH_ROOM = new HashMap<>();

  private WeightMemory() {}

  /** Zeros, at a multiple of 4096 bytes, freed with the arena. */
  @SuppressWarnings("restricted") // the slot is a part of the slab
  static MemorySegment allocate(Arena arena, long bytes) {
    long slotBytes = (bytes + PAGE - 1) / PAGE * PAGE;
    if (bytes < LEAST_BYTES || slotBytes > SLAB_BYTES / 2 || !LargeMemory.onHugePages()) {
      return LargeMemory.allocate(arena, bytes);
    }
    Slot slot = take(slotBytes);
    return slot.memory().reinterpret(bytes, arena, _ -> giveBack(slot));
  }

  private static synchronized Slot take(long slotBytes) {
    Deque<Slab> withRoom = WITH_ROOM.computeIfAbsent(slotBytes, _ -> new ArrayDeque<>());
    if (withRoom.isEmpty()) {
      withRoom.push(new Slab(slotBytes));
    }
    Slab slab = withRoom.getFirst();
    Slot slot = slab.free.pop();
    if (slab.free.isEmpty()) {
      withRoom.pop();
    }
    return slot;
  }

  private static void giveBack(Slot slot) {
    LargeMemory.discard(slot.memory());
    boolean last;
    Slab slab = slot.slab();
    synchronized (WeightMemory.class) {
      Deque<Slab> withRoom = WITH_ROOM.computeIfAbsent(slab.slotBytes, _ -> new ArrayDeque<>());
      if (slab.free.isEmpty()) {
        withRoom.push(slab);
      }
      slab.free.push(slot);
      last = slab.free.size() == slab.slots;
      if (last) {
        withRoom.remove(slab);
      }
      if (withRoom.isEmpty()) {
        WITH_ROOM.remove(slab.slotBytes);
      }
    }
    if (last) {
      slab.arena.close();
    }
  }

  /** A place for one matrix. */
  private record Slot(Slab slab, MemorySegment memory) {}

  private static final class Slab {
    final Arena arena = Arena.ofShared();
    final long slotBytes;
    final int slots;
    final Deque<Slot> free = new ArrayDeque<>();

    Slab(long slotBytes) {
      this.slotBytes = slotBytes;
      this.slots = (int) (SLAB_BYTES / slotBytes);
      MemorySegment memory = LargeMemory.allocate(arena, slots * slotBytes);
      for (int i = 0; i < slots; i++) {
        free.addLast(new Slot(this, memory.asSlice(i * slotBytes, slotBytes)));
      }
    }
  }
}
