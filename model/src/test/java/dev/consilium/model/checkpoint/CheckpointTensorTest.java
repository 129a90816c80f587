package dev.consilium.model.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.tensor.StoredBytes;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTensorTest {

  private final byte[] values = new byte[4096];

  @TempDir private Path directory;

  @Test
  void stored_someOfTheFile_areItsBytes() throws IOException {
    CheckpointTensor tensor = tensor();
    try (OpenFiles files = new OpenFiles();
        Arena arena = Arena.ofConfined()) {
      MemorySegment into = arena.allocate(100);
      tensor.stored(files, arena).copy(7, into);
      assertThat(into.toArray(JAVA_BYTE))
          .isEqualTo(MemorySegment.ofArray(values).asSlice(7, 100).toArray(JAVA_BYTE));
    }
  }

  @Test
  void stored_pastTheEnd_isRefused() {
    CheckpointTensor tensor = tensor();
    try (OpenFiles files = new OpenFiles();
        Arena arena = Arena.ofConfined()) {
      StoredBytes stored = tensor.stored(files, arena);
      assertThatThrownBy(() -> stored.copy(4000, arena.allocate(100)))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void stored_fileCutShortWhileItIsRead_says() throws IOException {
    CheckpointTensor tensor = tensor();
    try (OpenFiles files = new OpenFiles();
        Arena arena = Arena.ofConfined()) {
      StoredBytes stored = tensor.stored(files, arena);
      try (FileChannel channel = FileChannel.open(tensor.file(), StandardOpenOption.WRITE)) {
        channel.truncate(channel.size() - 50);
      }
      assertThatThrownBy(() -> stored.copy(4000, arena.allocate(96)))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("tensor a")
          .hasMessageContaining("the file ends early");
    }
  }

  private CheckpointTensor tensor() {
    new Random(1).nextBytes(values);
    Path file = directory.resolve("model.safetensors");
    new SafetensorsWriter().add("a", "F32", "[32,32]", values).write(file);
    return SafetensorsFile.open(file).tensor("a");
  }
}
