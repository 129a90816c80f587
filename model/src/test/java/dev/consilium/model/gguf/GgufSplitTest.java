package dev.consilium.model.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models of several files: all parts, each of this model, each once. */
final class GgufSplitTest {

  private static final int UINT16 = 2;
  private static final int UINT32 = 4;
  private static final int INT32 = 5;

  @TempDir Path directory;

  @Test
  void open_allParts_findsTensorsOfAll() throws IOException {
    part(1, 3, 0, 3, 3, "a", "");
    part(2, 3, 1, 3, 3, "b", "");
    part(3, 3, 2, 3, 3, "c", "");
    try (GgufModel model = GgufModel.open(name(1, 3))) {
      assertThat(model.files()).hasSize(3);
      assertThat(model.has("a")).isTrue();
      assertThat(model.has("c")).isTrue();
      assertThat(model.has("d")).isFalse();
    }
    assertThat(GgufModel.find(directory)).contains(name(1, 3));
  }

  @Test
  void open_missingPart_isRefusedByName() throws IOException {
    part(1, 2, 0, 2, 2, "a", "");
    refused(name(1, 2), "model-00002-of-00002.gguf: does not exist, but the model has 2 parts");
  }

  @Test
  void open_laterPart_asksForTheFirst() throws IOException {
    part(1, 2, 0, 2, 2, "a", "");
    part(2, 2, 1, 2, 2, "b", "");
    refused(name(2, 2), "is part 00002 of 2: open the first part");
  }

  @Test
  void open_partOfAnother_isRefused() throws IOException {
    part(1, 2, 0, 2, 2, "a", "");
    part(2, 2, 1, 2, 2, "b", "general.architecture");
    refused(name(1, 2), "is not the first part, but has the metadata key general.architecture");
  }

  @Test
  void open_partOfOtherNumber_isRefused() throws IOException {
    part(1, 2, 0, 2, 2, "a", "");
    part(2, 2, 0, 2, 2, "b", "");
    refused(name(1, 2), "says that it is part 0 of 2 (from 0), want part 1 of 2");
  }

  @Test
  void open_partOfOtherCount_isRefused() throws IOException {
    part(1, 2, 0, 2, 2, "a", "");
    part(2, 2, 1, 3, 2, "b", "");
    refused(name(1, 2), "says that it is part 1 of 3 (from 0), want part 1 of 2");
  }

  @Test
  void open_partThatLeadsBack_isRefused() throws IOException {
    part(1, 2, 0, 2, 2, "a", "");
    Files.createSymbolicLink(name(2, 2), name(1, 2));
    refused(name(1, 2), "leads to the same file as another part");
  }

  @Test
  void open_partThatIsALinkInACircle_isRefused() throws IOException {
    part(1, 2, 0, 2, 2, "a", "");
    Files.createSymbolicLink(name(2, 2), name(2, 2));
    refused(name(1, 2), "does not exist");
  }

  @Test
  void open_tensorInTwoParts_isRefused() throws IOException {
    part(1, 2, 0, 2, 2, "a", "");
    part(2, 2, 1, 2, 2, "a", "");
    refused(name(1, 2), "tensor a is also in model-00001-of-00002.gguf");
  }

  @Test
  void open_fewerTensorsThanStated_isRefused() throws IOException {
    part(1, 2, 0, 2, 5, "a", "");
    part(2, 2, 1, 2, 5, "b", "");
    refused(name(1, 2), "split.tensors.count is 5, but the parts hold 2");
  }

  @Test
  void open_misnamedFirstPart_isRefused() throws IOException {
    part(1, 2, 0, 2, 2, "a", "");
    Path other = Files.move(name(1, 2), directory.resolve("model.gguf"));
    refused(other, "is one of 2 parts, want a name that ends with -00001-of-00002.gguf");
  }

  @Test
  void open_moreThanAnyParts_isRefused() throws IOException {
    part(1, 60_000, 0, 60_000, 1, "a", "");
    refused(name(1, 60_000), "split.count is 60000, want a whole number from 0 to 1024");
  }

  @Test
  void find_severalModels_asksForAName() throws IOException {
    Files.write(directory.resolve("a.gguf"), new byte[0]);
    Files.write(directory.resolve("b.gguf"), new byte[0]);
    assertThatThrownBy(() -> GgufModel.find(directory))
        .isInstanceOf(GgufException.class)
        .hasMessageContaining("holds several GGUF models (a.gguf, b.gguf): name the file");
  }

  @Test
  void find_otherModel_isNotOurs() throws IOException {
    Files.write(directory.resolve("a.gguf"), new byte[0]);
    Files.write(directory.resolve("config.json"), new byte[0]);
    assertThat(GgufModel.find(directory)).isEmpty();
    assertThat(GgufModel.find(directory.resolve("config.json"))).isEmpty();
  }

  private void refused(Path file, String problem) {
    assertThatThrownBy(() -> GgufModel.open(file))
        .isInstanceOf(GgufException.class)
        .hasMessageContaining(problem);
  }

  private Path name(int part, int parts) {
    return directory.resolve("model-%05d-of-%05d.gguf".formatted(part, parts));
  }

  private void part(
      int part, int parts, int number, int count, int tensors, String tensor, String more)
      throws IOException {
    GgufBytes file =
        GgufBytes.begin(3, 1, more.isEmpty() ? 3 : 4)
            .string("split.no")
            .u32(UINT16)
            .raw((byte) number, (byte) 0)
            .string("split.count")
            .u32(UINT32)
            .u32(count)
            .string("split.tensors.count")
            .u32(INT32)
            .u32(tensors);
    if (!more.isEmpty()) {
      file.string(more).u32(UINT32).u32(1);
    }
    Files.write(name(part, parts), file.info(tensor, 0, 0, 8).pad(32).zeros(32).bytes());
  }
}
