package dev.consilium.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WriteFailureTest {

  @TempDir Path directory;

  @Test
  void words_directoryMissing_sayToMakeIt() {
    assertThat(words(directory.resolve("none/out")))
        .isEqualTo(
            "cannot write %s/none/out: there is no directory %s/none: make it first"
                .formatted(directory, directory));
  }

  @Test
  void words_nameTooLong_areTheReasonAlone() {
    Path file = directory.resolve("n".repeat(300));
    assertThat(words(file)).isEqualTo("cannot write " + file + ": File name too long");
  }

  @Test
  void words_fileRemovedMeanwhile_nameIt() {
    Path out = directory.resolve("out");
    assertThat(WriteFailure.words(out, new NoSuchFileException(out + ".part")))
        .isEqualTo("cannot write %s: %s.part was removed meanwhile".formatted(out, out));
  }

  /** Not provoked: whoever may write everywhere runs tests, too. */
  @Test
  void words_noPermission_nameTheDirectory() {
    Path out = directory.resolve("out");
    assertThat(WriteFailure.words(out, new AccessDeniedException(out + ".part")))
        .contains("no permission to make files in " + directory, "choose another directory");
  }

  @Test
  void words_otherFailure_areItsOwn() {
    assertThat(WriteFailure.words(Path.of("out"), new IOException("No space left on device")))
        .isEqualTo("cannot write out: No space left on device");
  }

  private static String words(Path file) {
    return WriteFailure.words(
        file, catchThrowableOfType(IOException.class, () -> Files.writeString(file, "x")));
  }
}
