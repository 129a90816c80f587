package dev.consilium.model.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every way in which a GGUF file can lie ends in an error that names the file and the lie. */
@Timeout(20)
final class GgufHostileTest {

  private static final int UINT32 = 4;
  private static final int STRING = 8;
  private static final int ARRAY = 9;
  private static final long LARGEST_STRING = 64 << 20;

  @TempDir Path directory;

  static Stream<Arguments> cases() {
    List<Arguments> cases = new ArrayList<>();
    counts(cases);
    values(cases);
    tensors(cases);
    return cases.stream();
  }

  private static void counts(List<Arguments> cases) {
    add(cases, "empty", new GgufBytes(), "does not begin with GGUF");
    add(
        cases,
        "another format",
        new GgufBytes().ascii("PK\3\4").zeros(60),
        "does not begin with GGUF");
    add(
        cases,
        "magic only",
        new GgufBytes().ascii("GGUF"),
        "the version needs 4 bytes at byte 4, but only 0");
    add(cases, "version 1", GgufBytes.begin(1, 0, 0), "GGUF of version 1, want 2 or 3");
    add(cases, "version 4", GgufBytes.begin(4, 0, 0), "GGUF of version 4, want 2 or 3");
    add(cases, "big-endian", GgufBytes.begin(0x0300_0000, 0, 0), "is big-endian");
    add(
        cases,
        "cut in the counts",
        new GgufBytes().ascii("GGUF").u32(3).u32(0),
        "the number of tensors needs 8 bytes");
    add(
        cases,
        "more tensors than any",
        GgufBytes.begin(3, 1L << 40, 0),
        "states 1099511627776 tensors, want at most");
    add(cases, "2^64-1 tensors", GgufBytes.begin(3, -1, 0), "states 18446744073709551615 tensors");
    add(
        cases,
        "tensors that do not fit",
        GgufBytes.begin(3, 1000, 0).zeros(100),
        "states 1000 tensors, but only 108 bytes follow");
    add(
        cases,
        "2^63 keys",
        GgufBytes.begin(3, 0, Long.MIN_VALUE),
        "states 9223372036854775808 metadata keys");
    add(
        cases,
        "keys that do not fit",
        GgufBytes.begin(3, 0, 60_000).zeros(100),
        "states 60000 metadata keys, but only 100");
  }

  private static void values(List<Arguments> cases) {
    add(
        cases,
        "key longer than the file",
        GgufBytes.begin(3, 0, 1).u64(1L << 60).zeros(40),
        "metadata key 0 has a length of 1152921504606846976 bytes, but only 40 follow");
    add(
        cases,
        "key of negative length",
        GgufBytes.begin(3, 0, 1).u64(-5).zeros(40),
        "18446744073709551611 bytes");
    add(
        cases,
        "key longer than any",
        GgufBytes.begin(3, 0, 1).string("k".repeat(2000)).zeros(40),
        "has a length of 2000 bytes, want at most 1024");
    add(
        cases,
        "key that is no UTF-8",
        GgufBytes.begin(3, 0, 1).u64(2).u8(0xc3).u8(0x28).zeros(20),
        "not valid UTF-8");
    add(
        cases,
        "unknown value type",
        GgufBytes.key("a", 13).zeros(20),
        "has a value of type 13, want 0 to 12");
    add(
        cases,
        "value type of 2^32-1",
        GgufBytes.key("a", -1).zeros(20),
        "has a value of type 4294967295");
    add(cases, "BOOL of 2", GgufBytes.key("a", 7).u8(2), "is a BOOL of 2, want 0 or 1");
    add(
        cases,
        "string bomb",
        GgufBytes.key("a", STRING).u64(1L << 50).zeros(10),
        "metadata key a has a length of 1125899906842624 bytes, but only 10");
    add(
        cases,
        "list of lists",
        GgufBytes.key("a", ARRAY).u32(ARRAY).u64(1).zeros(40),
        "is a list of lists");
    add(
        cases,
        "list of unknown",
        GgufBytes.key("a", ARRAY).u32(99).u64(1).zeros(40),
        "has a value of type 99");
    add(
        cases,
        "huge list",
        GgufBytes.key("a", ARRAY).u32(UINT32).u64(1L << 62).zeros(40),
        "is a list of 4611686018427387904 UINT32");
    add(
        cases,
        "list of negative length",
        GgufBytes.key("a", ARRAY).u32(STRING).u64(-1).zeros(40),
        "is a list of 18446744073709551615 STRING");
    add(
        cases,
        "list past the end",
        GgufBytes.key("a", ARRAY).u32(UINT32).u64(11).zeros(40),
        "is a list of 11 UINT32");
    add(
        cases,
        "string bomb in a list",
        GgufBytes.key("a", ARRAY).u32(STRING).u64(2).string("x").u64(1L << 40).zeros(40),
        "an entry of a has a length of 1099511627776 bytes");
    add(
        cases,
        "key twice",
        GgufBytes.begin(3, 0, 2).string("a").u32(UINT32).u32(1).string("a").u32(UINT32).u32(1),
        "has the metadata key a twice");
    add(cases, "no value", GgufBytes.key("abcdefgh", 10).u32(1), "abcdefgh needs 8 bytes at byte");
    for (long alignment : List.of(0L, 3L, 48L, 1L << 30)) {
      add(
          cases,
          "alignment of " + alignment,
          GgufBytes.key("general.alignment", UINT32).u32(alignment),
          "general.alignment is " + alignment + ", want a power of two");
    }
    add(
        cases,
        "alignment a text",
        GgufBytes.key("general.alignment", STRING).string("32"),
        "general.alignment is \"32\"");
  }

  private static void tensors(List<Arguments> cases) {
    add(
        cases,
        "no dimension",
        GgufBytes.tensor("t").zeros(64),
        "tensor t has 0 dimensions, want 1 to 4");
    add(
        cases,
        "five dimensions",
        GgufBytes.tensor("t", 1, 1, 1, 1, 1).zeros(64),
        "has 5 dimensions");
    add(
        cases,
        "2^32-1 dimensions",
        GgufBytes.begin(3, 1, 0).string("t").u32(-1).zeros(64),
        "has 4294967295 dimensions");
    add(
        cases,
        "dimension of 0",
        GgufBytes.tensor("t", 0).zeros(64),
        "has a dimension of 0, want at least 1");
    add(
        cases,
        "dimension of 2^63",
        GgufBytes.tensor("t", Long.MIN_VALUE).zeros(64),
        "has a dimension of 9223372036854775808");
    add(
        cases,
        "product that overflows",
        GgufBytes.tensor("t", 1L << 32, 1L << 32).zeros(64),
        "has the absurd shape");
    add(
        cases,
        "product that overflows to 1",
        GgufBytes.tensor("t", 0x5555_5555_5555_5555L, 3).zeros(64),
        "absurd shape");
    add(cases, "bytes that overflow", GgufBytes.tensor("t", 1L << 62).zeros(64), "absurd shape");
    add(
        cases,
        "larger than the file",
        GgufBytes.tensor("t", 1000).zeros(64),
        "has 4000 bytes from byte 0 of the data, but the whole file has");
    add(cases, "cut data", GgufBytes.tensor("t", 16).pad(32).zeros(63), "it is truncated");
    add(
        cases,
        "unknown type",
        GgufBytes.begin(3, 1, 0).info("t", 4, 0, 8).zeros(64),
        "is of the unknown type 4");
    add(
        cases,
        "type of 2^32-1",
        GgufBytes.begin(3, 1, 0).info("t", -1, 0, 8).zeros(64),
        "is of the unknown type 4294967295");
    add(
        cases,
        "half a block",
        GgufBytes.begin(3, 1, 0).info("t", 8, 0, 48).zeros(640),
        "has rows of 48 weights, want a multiple of 32 as its type Q8_0");
    add(
        cases,
        "offset not aligned",
        GgufBytes.begin(3, 1, 0).info("t", 0, 4, 8).zeros(64),
        "begins at byte 4 of the data, want a multiple of 32");
    add(
        cases,
        "offset of 2^64-32",
        GgufBytes.begin(3, 1, 0).info("t", 0, -32, 8).zeros(64),
        "begins at byte 18446744073709551584");
    add(
        cases,
        "offset past the file",
        GgufBytes.begin(3, 1, 0).info("t", 0, 1L << 40, 8).zeros(64),
        "from byte 1099511627776 of the data");
    add(
        cases,
        "overlap",
        GgufBytes.begin(3, 2, 0).info("s", 0, 0, 16).info("t", 0, 32, 8).pad(32).zeros(64),
        "tensors s and t overlap");
    add(
        cases,
        "the same bytes twice",
        GgufBytes.begin(3, 2, 0).info("s", 0, 0, 8).info("t", 0, 0, 8).pad(32).zeros(64),
        "overlap");
    add(
        cases,
        "tensor twice",
        GgufBytes.begin(3, 2, 0).info("t", 0, 0, 8).info("t", 0, 32, 8).pad(32).zeros(64),
        "has tensor t twice");
    add(
        cases,
        "name of the terminal",
        GgufBytes.tensor("\u001b[2J", 0).zeros(64),
        "tensor ?[2J has a dimension");
  }

  private static void add(List<Arguments> cases, String name, GgufBytes file, String problem) {
    cases.add(Arguments.of(name, file.bytes(), problem));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void open_lyingFile_saysWhatIsWrong(String name, byte[] bytes, String problem)
      throws IOException {
    Path file = directory.resolve("model.gguf");
    Files.write(file, bytes);
    assertThatThrownBy(() -> GgufModel.open(file))
        .as(name)
        .isInstanceOf(GgufException.class)
        .hasMessageContaining("model.gguf: ")
        .hasMessageContaining(problem);
  }

  @Test
  void open_versionTwoAndThree_areRead() throws IOException {
    for (int version : List.of(2, 3)) {
      Path file = directory.resolve("model.gguf");
      Files.write(
          file,
          GgufBytes.begin(version, 1, 2)
              .string("general.alignment")
              .u32(UINT32)
              .u32(64)
              .string("list")
              .u32(ARRAY)
              .u32(STRING)
              .u64(2)
              .string("one")
              .string("zwölf")
              .info("t", 0, 0, 4, 2, 3)
              .pad(64)
              .zeros(96)
              .bytes());
      try (GgufModel model = GgufModel.open(file)) {
        assertThat(model.metadata().texts("list", 200)).containsExactly("one", "zwölf");
        GgufTensor tensor = model.files().getFirst().tensors().values().iterator().next();
        assertThat(tensor.name()).isEqualTo("t");
        assertThat(tensor.shape()).containsExactly(3L, 2L, 4L);
        assertThat(tensor.begin() % 64).isZero();
        assertThat(tensor.byteSize()).isEqualTo(96);
      }
    }
  }

  @Test
  void open_directory_isRefused() {
    assertThatThrownBy(() -> GgufModel.open(directory))
        .isInstanceOf(GgufException.class)
        .hasMessageContaining("is not a regular file");
  }

  @Test
  void open_noSuchFile_isRefused() {
    assertThatThrownBy(() -> GgufModel.open(directory.resolve("none.gguf")))
        .isInstanceOf(GgufException.class)
        .hasMessageContaining("does not exist");
  }

  @Test
  void texts_longerThanAsked_areRefused() throws IOException {
    Path file = directory.resolve("model.gguf");
    Files.write(file, GgufBytes.key("a", ARRAY).u32(STRING).u64(1).string("x".repeat(200)).bytes());
    try (GgufModel model = GgufModel.open(file)) {
      assertThatThrownBy(() -> model.metadata().texts("a", 100))
          .isInstanceOf(GgufException.class)
          .hasMessageContaining(
              "metadata key a is a list of 1 STRING, want a list of [STRING] that takes at most 100 bytes of memory");
    }
  }

  /** A string of one character takes nine bytes of the file and ten times that of memory. */
  @Test
  void texts_manyShortOnes_countWhatTheyTakeInMemory() throws IOException {
    GgufBytes bytes = GgufBytes.key("a", ARRAY).u32(STRING).u64(100);
    for (int i = 0; i < 100; i++) {
      bytes.string("x");
    }
    Path file = Files.write(directory.resolve("model.gguf"), bytes.bytes());
    try (GgufModel model = GgufModel.open(file)) {
      assertThat(model.metadata().texts("a", 6600)).hasSize(100);
      assertThatThrownBy(() -> model.metadata().texts("a", 6599))
          .isInstanceOf(GgufException.class)
          .hasMessageContaining("is a list of 100 STRING, want a list of [STRING] that takes");
    }
  }

  @Test
  void open_stringsThatTakeTooMuchMemoryTogether_isRefused() throws IOException {
    Path file = directory.resolve("model.gguf");
    strings(file, GgufBytes.begin(3, 0, 3), 3);
    assertThatThrownBy(() -> GgufModel.open(file))
        .isInstanceOf(GgufException.class)
        .hasMessageContaining("would take more than 256 MiB of memory up to metadata key text1");
  }

  @Test
  void open_stringsOfPartsThatTakeTooMuchMemoryTogether_isRefused() throws IOException {
    GgufBytes first = partKeys(0, 2);
    strings(directory.resolve("m-00001-of-00002.gguf"), first, 1);
    strings(directory.resolve("m-00002-of-00002.gguf"), partKeys(1, 2), 1);
    assertThatThrownBy(() -> GgufModel.open(directory.resolve("m-00001-of-00002.gguf")))
        .isInstanceOf(GgufException.class)
        .hasMessageContaining("m-00002-of-00002.gguf: ")
        .hasMessageContaining("would take more than 256 MiB of memory");
  }

  private static GgufBytes partKeys(int part, int parts) {
    return GgufBytes.begin(3, 0, 3)
        .string("split.no")
        .u32(UINT32)
        .u32(part)
        .string("split.count")
        .u32(UINT32)
        .u32(parts);
  }

  /** Writes keys with the largest strings that are read, without the strings' bytes. */
  private static void strings(Path file, GgufBytes begin, int count) throws IOException {
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.write(begin.bytes());
      for (int i = 0; i < count; i++) {
        out.write(new GgufBytes().string("text" + i).u32(STRING).u64(LARGEST_STRING).bytes());
        out.seek(out.getFilePointer() + LARGEST_STRING);
      }
      out.setLength(out.getFilePointer());
    }
  }

  /** Nothing that is copied from file to file may be larger than an array. */
  @Test
  void open_listOfMoreThanTwoGibibytes_isRefused() throws IOException {
    Path file = directory.resolve("model.gguf");
    int count = 40;
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.write(GgufBytes.key("long", ARRAY).u32(STRING).u64(count).bytes());
      for (int i = 0; i < count; i++) {
        out.write(new GgufBytes().u64(LARGEST_STRING).bytes());
        out.seek(out.getFilePointer() + LARGEST_STRING);
      }
      out.setLength(out.getFilePointer());
    }
    assertThatThrownBy(() -> GgufModel.open(file))
        .isInstanceOf(GgufException.class)
        .hasMessageContaining("its metadata take more than 256 MiB up to key long");
  }

  /** A header of three keys: an end token, and where the kinds of so many tokens begin. */
  private static GgufBytes untilKindsOf(int count) {
    return GgufBytes.begin(3, 0, 3)
        .string("tokenizer.ggml.eos_token_id")
        .u32(UINT32)
        .u32(7)
        .string("tokenizer.ggml.token_type")
        .u32(ARRAY)
        .u32(UINT32)
        .u64(count);
  }

  @Test
  void endOfText_millionsOfTokens_areNotHeldInMemory() throws IOException {
    int count = 2_000_000;
    GgufBytes bytes = untilKindsOf(count);
    bytes.zeros(4 * (count - 2)).u32(3).u32(1);
    bytes.string("tokenizer.ggml.tokens").u32(ARRAY).u32(STRING).u64(count);
    bytes.zeros(8 * (count - 2)).string("<|im_end|>").string("<|endoftext|>");
    Path file = Files.write(directory.resolve("model.gguf"), bytes.bytes());
    try (GgufModel model = GgufModel.open(file)) {
      long before = allocated();
      assertThat(GgufTokens.endOfText(model.metadata())).containsExactly(7, count - 2);
      assertThat(allocated() - before).isLessThan(70L * count);
    }
  }

  @Test
  void endOfText_moreEndsThanAny_areRefused() throws IOException {
    int count = 2000;
    GgufBytes bytes = untilKindsOf(count);
    bytes.zeros(4 * count).string("tokenizer.ggml.tokens").u32(ARRAY).u32(STRING).u64(count);
    for (int i = 0; i < count; i++) {
      bytes.string("<|end|>");
    }
    Path file = Files.write(directory.resolve("model.gguf"), bytes.bytes());
    try (GgufModel model = GgufModel.open(file)) {
      assertThatThrownBy(() -> GgufTokens.endOfText(model.metadata()))
          .isInstanceOf(GgufException.class)
          .hasMessageContaining("metadata key tokenizer.ggml.tokens has more than 1024 of");
    }
  }

  private static long allocated() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    return threads.getThreadAllocatedBytes(Thread.currentThread().threadId());
  }
}
