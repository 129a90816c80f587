package dev.consilium.tensor;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Off-heap memory for weights and caches, on huge pages where the system gives them: fewer address
 * translations, which virtual machines pay for twice.
 *
 * <p>On Linux the memory comes from {@code mmap} with {@code madvise(MADV_HUGEPAGE)}; elsewhere,
 * for small sizes, and when a call fails, from the arena. The contents are zeros in any case.
 *
 * <p>Threading: any thread; the arena says who may use the memory.
 */
public final class LargeMemory {
  private static final long PAGE = 4096;
  private static final long HUGE_PAGE = 2 << 20;
  private static final int READ_WRITE = 3;
  private static final int PRIVATE_ANONYMOUS = 0x22;
  private static final int HUGE_PAGES = 14;
  private static final int NOT_NEEDED = 4;
  private static final Optional<SystemCalls> CALLS = SystemCalls.find();

  private LargeMemory() {}

  /** Zeros, at a multiple of 4096 bytes, freed with the arena. */
  public static MemorySegment allocate(Arena arena, long bytes) {
    if (bytes >= HUGE_PAGE && CALLS.isPresent()) {
      Optional<MemorySegment> mapped = CALLS.get().map(arena, bytes);
      if (mapped.isPresent()) {
        return mapped.get();
      }
    }
    return arena.allocate(bytes, PAGE);
  }

  /** Whether large sizes are given huge pages, as far as the system has them. */
  static boolean onHugePages() {
    return CALLS.isPresent();
  }

  /**
   * Gives whole pages of large memory back to the system. They read as zeros from now on.
   *
   * @param pages starts and ends at multiples of 4096 bytes
   */
  static void discard(MemorySegment pages) {
    if (CALLS.orElseThrow().discard(pages) != 0) {
      pages.fill((byte) 0); // such as locked pages, which stay
    }
  }

  /** The system's functions. */
  private record SystemCalls(MethodHandle mmap, MethodHandle munmap, MethodHandle madvise) {

    static Optional<SystemCalls> find() {
      if (!System.getProperty("os.name").equals("Linux")) {
        return Optional.empty();
      }
      try {
        return Optional.of(
            new SystemCalls(
                function(
                    "mmap", ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG),
                function("munmap", JAVA_INT, ADDRESS, JAVA_LONG),
                function("madvise", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)));
      } catch (IllegalCallerException | UnsupportedOperationException e) {
        return Optional.empty(); // native access is denied, or there is no linker: ordinary pages
      }
    }

    @SuppressWarnings("restricted") // the signatures are those of POSIX
    private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... of) {
      Linker linker = Linker.nativeLinker();
      return linker
          .defaultLookup()
          .find(name)
          .map(at -> linker.downcallHandle(at, FunctionDescriptor.of(result, of)))
          .orElseThrow(() -> new UnsupportedOperationException("no " + name));
    }

    /** One huge page more than wanted is mapped, so that the memory can start at one. */
    @SuppressWarnings("restricted") // the size is what was mapped
    Optional<MemorySegment> map(Arena arena, long bytes) {
      long length = bytes + HUGE_PAGE;
      MemorySegment start = mapPages(length);
      if (start.address() == -1) {
        return Optional.empty();
      }
      MemorySegment all = start.reinterpret(length, arena, ignored -> unmap(start, length));
      long skip = -start.address() & (HUGE_PAGE - 1);
      MemorySegment memory = all.asSlice(skip, bytes);
      // Whole huge pages only, or the last one would take memory that nobody asked for. A refusal
      // leaves ordinary pages.
      call(() -> (int) madvise.invokeExact(memory, bytes & -HUGE_PAGE, HUGE_PAGES));
      return Optional.of(memory);
    }

    int discard(MemorySegment pages) {
      return call(() -> (int) madvise.invokeExact(pages, pages.byteSize(), NOT_NEEDED));
    }

    private MemorySegment mapPages(long length) {
      return call(() ->
          (MemorySegment)
              mmap.invokeExact(MemorySegment.NULL, length, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L));
    }

    private void unmap(MemorySegment start, long length) {
      int result = call(() -> (int) munmap.invokeExact(start, length));
      if (result != 0) {
        throw new IllegalStateException("munmap of " + length + " bytes failed");
      }
    }

    private interface Call<T> {
      T invoke() throws Throwable;
    }

    private static <T> T call(Call<T> call) {
      try {
        return call.invoke();
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new AssertionError("a system call threw", e);
      }
    }
  }
}
