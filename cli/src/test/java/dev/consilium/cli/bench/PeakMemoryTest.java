package dev.consilium.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On files that look like Linux's. */
class PeakMemoryTest {

  @TempDir private Path directory;
  private Path status;
  private Path clearRefs;
  private PeakMemory peak;

  @BeforeEach
  void lookLikeLinux() throws IOException {
    status = directory.resolve("status");
    clearRefs = Files.createFile(directory.resolve("clear_refs"));
    peak = new PeakMemory(status, clearRefs);
  }

  @Test
  void bytes_fromStatus_areBytes() {
    peakIs(1234);
    assertThat(peak.bytes()).hasValue(1234 * 1024);
  }

  @Test
  void bytes_noSuchFile_areUnknown() {
    assertThat(peak.bytes()).isEmpty();
  }

  @Test
  void bytes_systemWithoutPeak_areUnknown() throws IOException {
    Files.writeString(status, "Name:\tjava\n");
    assertThat(peak.bytes()).isEmpty();
  }

  @Test
  void leavingOut_muchMemory_keepsThePeakOfBefore() {
    peakIs(500);
    int result =
        peak.leavingOut(() -> {
          peakIs(9000);
          return 7;
        });
    assertThat(result).isEqualTo(7);
    assertThat(clearRefs).hasContent("5");
    peakIs(400); // what Linux says once it has forgotten
    assertThat(peak.bytes()).hasValue(500 * 1024);
    peakIs(600);
    assertThat(peak.bytes()).hasValue(600 * 1024);
  }

  @Test
  void canLeaveOut_systemThatDoesNotForget_saysSo() throws IOException {
    peakIs(500);
    assertThat(peak.canLeaveOut()).isTrue();
    Files.delete(clearRefs);
    Files.createDirectory(clearRefs); // nobody, not even root, can write into it
    assertThat(peak.canLeaveOut()).isFalse();
    assertThatThrownBy(() -> peak.leavingOut(() -> 1)).isInstanceOf(IllegalStateException.class);
  }

  private void peakIs(long kilobytes) {
    try {
      Files.writeString(
          status, "VmPeak:\t 99999 kB\nVmHWM:\t  %d kB\nVmRSS:\t 1 kB\n".formatted(kilobytes));
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }
}
