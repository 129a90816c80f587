package dev.consilium.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.function.Supplier;

/**
 * Most memory that this process held at once, without what the measuring itself needs.
 *
 * <p>Linux keeps the peak ({@code VmHWM}) and forgets it when asked to ({@code clear_refs}), so
 * that what was held in between can be left out. Elsewhere it is unknown.
 */
public final class PeakMemory {
  private static final String FORGET_PEAK = "5";

  private final Path status;
  private final Path clearRefs;
  private long before;

  /** Of this process. */
  public PeakMemory() {
    this(Path.of("/proc/self/status"), Path.of("/proc/self/clear_refs"));
  }

  PeakMemory(Path status, Path clearRefs) {
    this.status = status;
    this.clearRefs = clearRefs;
  }

  /** Bytes until now; empty where the system does not say. */
  public OptionalLong bytes() {
    OptionalLong now = now();
    return now.isPresent() ? OptionalLong.of(Math.max(before, now.getAsLong())) : now;
  }

  /**
   * Does something whose memory does not count.
   *
   * @throws IllegalStateException if the peak cannot be forgotten: {@link #canLeaveOut} said so
   */
  public <T> T leavingOut(Supplier<T> measuring) {
    before = bytes().orElse(0);
    T result = measuring.get();
    if (!forget()) {
      throw new IllegalStateException(clearRefs + " could be written before, but not now");
    }
    return result;
  }

  /** Whether {@link #leavingOut} works. The peak is kept in mind, so this changes nothing. */
  public boolean canLeaveOut() {
    before = bytes().orElse(0);
    return forget();
  }

  private boolean forget() {
    try {
      Files.writeString(clearRefs, FORGET_PEAK);
      return true;
    } catch (IOException notPossible) {
      return false;
    }
  }

  private OptionalLong now() {
    try {
      return Files.readAllLines(status).stream()
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(PeakMemory::bytes)
          .findFirst();
    } catch (IOException | NumberFormatException unknown) {
      return OptionalLong.empty();
    }
  }

  /** {@code VmHWM: 1234 kB}. */
  private static long bytes(String line) {
    return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
  }
}
