package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every way in which a safetensors file can lie ends in an error that names the file and the lie.
 */
final class SafetensorsHostileTest {

  /** A tensor of 8 bytes, and 8 more bytes for another. */
  private static final String GOOD =
      "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

  private static final byte[] DATA = new byte[16];

  @TempDir Path directory;

  static Stream<Arguments> cases() {
    List<Arguments> cases = new ArrayList<>();
    raw(cases, "empty file", new byte[0], "has 0 bytes, too few");
    raw(cases, "shorter than the length", new byte[7], "has 7 bytes, too few");
    raw(cases, "header length negative as signed", length(-1), "18446744073709551615");
    raw(cases, "header length above the limit", length(100_000_001), "want at most 100000000");
    raw(
        cases,
        "header length beyond the file",
        length(50),
        "only 2 bytes follow: the file is truncated");
    raw(cases, "header of length 0", SafetensorsWriter.file("", DATA), "header is null");
    header(cases, "header no JSON", "hello", "not valid JSON");
    header(cases, "header cut off", "{" + GOOD, "not valid JSON");
    header(cases, "header an array", "[]", "header is START_ARRAY");
    header(cases, "JSON after the header", "{}{}", "after the end of its JSON");
    header(cases, "depth bomb", "{\"a\":" + "[".repeat(1_000_000), "want START_OBJECT");
    header(
        cases,
        "depth bomb in a shape",
        tensor("\"F32\"", "[".repeat(1_000_000), "[0,8]"),
        "shape holds [");
    header(
        cases,
        "name of 5 MB",
        "{\"" + "n".repeat(5_000_000) + "\":{}}",
        "Name length (5000000) exceeds the maximum allowed (1024");
    header(
        cases,
        "name with control characters",
        "{\"a\\n\\u001b[31mb\":1}",
        "tensor a??[31mb is VALUE_NUMBER_INT");
    header(cases, "metadata no object", "{\"__metadata__\":[]}", "__metadata__ is START_ARRAY");
    header(
        cases,
        "metadata no text",
        "{\"__metadata__\":{\"a\":1}}",
        "__metadata__.a is VALUE_NUMBER_INT");
    raw(
        cases,
        "invalid UTF-8",
        SafetensorsWriter.file("{\"\u00e4\":{}}".getBytes(StandardCharsets.ISO_8859_1), DATA),
        "not valid UTF-8");
    raw(
        cases,
        "UTF-16",
        SafetensorsWriter.file("{}".getBytes(StandardCharsets.UTF_16LE), DATA),
        "not valid JSON");
    header(cases, "tensor twice", "{" + GOOD + "," + GOOD + "}", "Duplicate");
    header(cases, "tensor null", "{\"a\":null}", "tensor a is VALUE_NULL");
    header(cases, "tensor a number", "{\"a\":1}", "tensor a is VALUE_NUMBER_INT");
    header(
        cases,
        "no dtype",
        "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}",
        "tensor a: want dtype");
    header(
        cases,
        "no shape",
        "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}",
        "tensor a: want dtype, shape");
    header(cases, "no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "two data_offsets");
    header(cases, "field twice", "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", "Duplicate");
    header(cases, "unknown field", "{\"a\":{\"stride\":1}}", "tensor a: stride is not a field");
    header(
        cases,
        "dtype unknown",
        tensor("\"F31\"", "[2]", "[0,8]"),
        "tensor a: dtype F31 is unknown");
    header(cases, "dtype in lower case", tensor("\"f32\"", "[2]", "[0,8]"), "dtype f32 is unknown");
    header(
        cases,
        "dtype a number",
        tensor("32", "[2]", "[0,8]"),
        "tensor a: dtype is VALUE_NUMBER_INT");
    header(
        cases,
        "shape a number",
        tensor("\"F32\"", "2", "[0,8]"),
        "tensor a: shape is VALUE_NUMBER_INT");
    header(
        cases,
        "shape with a text",
        tensor("\"F32\"", "[\"2\"]", "[0,8]"),
        "tensor a: shape holds 2");
    header(
        cases,
        "shape with null",
        tensor("\"F32\"", "[null]", "[0,8]"),
        "tensor a: shape holds null");
    header(
        cases,
        "shape with a fraction",
        tensor("\"F32\"", "[2.0]", "[0,8]"),
        "tensor a: shape holds 2.0");
    header(cases, "shape negative", tensor("\"F32\"", "[-2]", "[0,8]"), "tensor a: shape holds -2");
    header(
        cases,
        "shape negative twice",
        tensor("\"F32\"", "[-1,-2]", "[0,8]"),
        "tensor a: shape holds -1");
    header(
        cases,
        "size above 2^63",
        tensor("\"F32\"", "[9223372036854775808]", "[0,8]"),
        "shape holds 9223372036854775808");
    header(
        cases,
        "shape overflows to the right size",
        tensor("\"F32\"", "[2305843009213693952,8,2]", "[0,8]"),
        "too large for any file");
    header(
        cases,
        "number of a million digits",
        tensor("\"F32\"", "[" + "9".repeat(1_000_000) + "]", "[0,8]"),
        "not valid JSON: Number");
    header(
        cases,
        "17 dimensions",
        tensor("\"F32\"", "[" + "1,".repeat(16) + "2]", "[0,8]"),
        "tensor a: shape has more than 16 entries");
    header(
        cases,
        "shape larger than its bytes",
        tensor("\"F32\"", "[3]", "[0,8]"),
        "takes 12 bytes, but data_offsets span 8");
    header(
        cases,
        "shape smaller than its bytes",
        tensor("\"BF16\"", "[2]", "[0,8]"),
        "takes 4 bytes, but data_offsets span 8");
    header(cases, "scalar of two values", tensor("\"F32\"", "[]", "[0,8]"), "takes 4 bytes");
    header(cases, "half a byte", tensor("\"F4\"", "[3]", "[0,1]"), "no whole number of bytes");
    header(
        cases, "offsets backwards", tensor("\"F32\"", "[2]", "[8,0]"), "begin at 8 and end at 0");
    header(cases, "offset negative", tensor("\"F32\"", "[2]", "[-8,0]"), "data_offsets holds -8");
    header(
        cases,
        "offset above 2^63",
        tensor("\"F32\"", "[2]", "[0,18446744073709551615]"),
        "holds 18446744073709551615");
    header(
        cases,
        "offsets near 2^63",
        tensor("\"F32\"", "[2]", "[9223372036854775799,9223372036854775807]"),
        "file has only 16 bytes of data");
    header(cases, "offset a text", tensor("\"F32\"", "[2]", "[0,\"8\"]"), "data_offsets holds 8");
    header(cases, "one offset", tensor("\"F32\"", "[2]", "[0]"), "two data_offsets");
    header(cases, "three offsets", tensor("\"F32\"", "[2]", "[0,8,8]"), "more than 2 entries");
    header(
        cases,
        "end outside the file",
        tensor("\"F32\"", "[5]", "[0,20]"),
        "only 16 bytes of data: truncated");
    header(
        cases,
        "gap at the start",
        tensor("\"F32\"", "[2]", "[8,16]"),
        "tensor a begins at data offset 8, want 0: tensors leave a gap");
    header(
        cases,
        "gap between",
        two("[0,4]", "[1]", "[8,16]"),
        "tensor b begins at data offset 8, want 4: tensors leave a gap");
    header(cases, "overlap", two("[0,8]", "[2]", "[4,16]"), "tensors overlap");
    header(cases, "two tensors in one place", two("[0,16]", "[4]", "[0,16]"), "tensors overlap");
    header(
        cases,
        "data without a tensor",
        "{" + GOOD + "}",
        "has 16 bytes of data, but its tensors take 8");
    header(cases, "no tensor, but data", "{}", "has 16 bytes of data, but its tensors take 0");
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  @Timeout(60)
  void open_hostileFile_namesFileAndProblem(String name, byte[] content, String message) {
    Path file = directory.resolve("hostile.safetensors");
    SafetensorsWriter.write(file, content);
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .as(name)
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(String.valueOf(e.getMessage()).length()).isLessThan(1500));
  }

  @Test
  void open_noFile_saysSo() {
    assertThatThrownBy(() -> SafetensorsFile.open(directory.resolve("none")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("none: does not exist");
    assertThatThrownBy(() -> SafetensorsFile.open(directory))
        .isInstanceOf(CheckpointException.class)
        .hasMessageEndingWith("is a directory, want a file");
  }

  @Test
  void open_goodFiles_areAccepted() {
    Path file = directory.resolve("good.safetensors");
    SafetensorsWriter.write(
        file,
        SafetensorsWriter.file(
            " {\"__metadata__\":{\"format\":\"pt\"},"
                + GOOD
                + ",\"empty\":{\"data_offsets\":[8,8],\"dtype\":\"BF16\",\"shape\":[0,9223372036854775807]}"
                + ",\"scalar\":{\"data_offsets\":[8,16],\"dtype\":\"I64\",\"shape\":[]}}   ",
            new byte[] {
              0, 0, (byte) 0x80, 0x3f, 0, 0, 0, (byte) 0xc0, 7, 0, 0, 0, 0, 0, 0, (byte) 0x80
            }));
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      assertThat(opened.names()).containsExactly("a", "empty", "scalar");
      assertThat(opened.tensor("a").floats()).containsExactly(1f, -2f);
      assertThat(opened.tensor("empty").header().byteSize()).isZero();
      assertThat(opened.tensor("empty").<Long>withBytes(bytes -> bytes.byteSize())).isZero();
      assertThat(opened.tensor("scalar").integers()).containsExactly(Long.MIN_VALUE + 7);
      assertThatThrownBy(() -> opened.tensor("scalar").floats())
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("tensor scalar: dtype is I64, want one of [F32, BF16, F16");
      assertThatThrownBy(() -> opened.tensor("a").integers())
          .hasMessageContaining("tensor a: dtype is F32, want I64");
      assertThatThrownBy(() -> opened.tensor("b"))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("has no tensor b among its 3");
    }
  }

  @Test
  void bytes_fileCutAfterOpening_saysSo() throws Exception {
    Path file = directory.resolve("cut.safetensors");
    byte[] content = SafetensorsWriter.file("{" + GOOD + "}", new byte[8]);
    SafetensorsWriter.write(file, content);
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(content.length - 4);
      }
      assertThatThrownBy(() -> opened.tensor("a").floats())
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("changed after it was opened");
    }
  }

  @Test
  void bytes_threadInterrupted_failsForThatThreadOnly() {
    Path file = directory.resolve("good.safetensors");
    SafetensorsWriter.write(file, SafetensorsWriter.file("{" + GOOD + "}", new byte[8]));
    try (SafetensorsFile opened = SafetensorsFile.open(file)) {
      CheckpointTensor tensor = opened.tensor("a");
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> tensor.floats())
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("tensor a: cannot be mapped");
      assertThat(Thread.interrupted()).isTrue();
      assertThat(tensor.floats()).containsExactly(0f, 0f);
    }
  }

  @Test
  void tensor_fileClosed_isRefused() {
    Path file = directory.resolve("good.safetensors");
    SafetensorsWriter.write(file, SafetensorsWriter.file("{" + GOOD + "}", new byte[8]));
    SafetensorsFile opened = SafetensorsFile.open(file);
    opened.close();
    assertThatThrownBy(() -> opened.tensor("a"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("is closed");
  }

  /**
   * 3,000 seeded mutations of a good file: each is refused, or every tensor it names can be read.
   */
  @Test
  @Timeout(300)
  void open_mutatedFiles_areRefusedOrReadable() {
    long seed = 20260101;
    Random random = new Random(seed);
    byte[] good =
        SafetensorsWriter.file(
            "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[8,16]},"
                + GOOD
                + "}",
            DATA);
    Path file = directory.resolve("mutated.safetensors");
    int accepted = 0;
    for (int i = 0; i < 3000; i++) {
      byte[] mutated = Mutations.mutate(good, random);
      SafetensorsWriter.write(file, mutated);
      try (SafetensorsFile opened = SafetensorsFile.open(file)) {
        for (String name : opened.names()) {
          CheckpointTensor tensor = opened.tensor(name);
          assertThat(
                  tensor.<Long>withBytes(
                      bytes -> (long) bytes.toArray(ValueLayout.JAVA_BYTE).length))
              .as("seed %d, mutation %d", seed, i)
              .isEqualTo(tensor.header().byteSize());
        }
        accepted++;
      } catch (CheckpointException e) {
        assertThat(e).as("seed %d, mutation %d", seed, i).hasMessageStartingWith(file.toString());
      }
    }
    // Flips inside a name or in the data do no harm; most others must.
    assertThat(accepted).isBetween(1, 1500);
  }

  private static String tensor(String dtype, String shape, String offsets) {
    return "{\"a\":{\"dtype\":%s,\"shape\":%s,\"data_offsets\":%s}}"
        .formatted(dtype, shape, offsets);
  }

  /** Tensors a and b of F32; b ends at 16. */
  private static String two(String offsetsA, String shapeA, String offsetsB) {
    String[] ends = offsetsB.substring(1, offsetsB.length() - 1).split(",", -1);
    int elements = (Integer.parseInt(ends[1]) - Integer.parseInt(ends[0])) / 4;
    return "{\"a\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":%s},\"b\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":%s}}"
        .formatted(shapeA, offsetsA, elements, offsetsB);
  }

  private static byte[] length(long length) {
    return SafetensorsWriter.file(length, "{}".getBytes(StandardCharsets.UTF_8), new byte[0]);
  }

  private static void header(List<Arguments> cases, String name, String header, String message) {
    raw(cases, name, SafetensorsWriter.file(header, DATA), message);
  }

  private static void raw(List<Arguments> cases, String name, byte[] content, String message) {
    cases.add(Arguments.of(name, content, message));
  }
}
