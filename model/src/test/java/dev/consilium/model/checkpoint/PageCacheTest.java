package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PageCacheTest {
  @TempDir Path directory;

  @Test
  void fill_file_readsAllOfIt() throws IOException {
    assertThat(PageCache.fill(file("model.gguf", 9 << 20))).isEqualTo(9 << 20);
  }

  @Test
  void fill_directory_readsTheWeightsThatItsModelHas() throws IOException {
    file("model-00001-of-00002.safetensors", 3000);
    file("model-00002-of-00002.safetensors", 20);
    Files.writeString(
        directory.resolve("model.safetensors.index.json"),
        """
        {"weight_map": {"a": "model-00001-of-00002.safetensors",
                        "b": "model-00002-of-00002.safetensors"}}
        """);
    file("config.json", 2);
    file("consolidated.safetensors", 100);
    file("other.gguf", 100);
    assertThat(PageCache.fill(directory)).isEqualTo(3020);
    file("model.safetensors", 7);
    assertThat(PageCache.fill(directory)).isEqualTo(7);
  }

  @Test
  void fill_splitFile_readsAllParts() throws IOException {
    Path first = file("m-00001-of-00002.gguf", 3000);
    file("m-00002-of-00002.gguf", 20);
    assertThat(PageCache.fill(first)).isEqualTo(3020);
    assertThat(PageCache.fill(directory)).isEqualTo(3020);
  }

  @Test
  void fill_moreThanItMay_stops() throws IOException {
    Path first = file("m-00001-of-00002.gguf", 3000);
    file("m-00002-of-00002.gguf", 20);
    assertThat(PageCache.fill(first, 1000)).isEqualTo(1000);
    assertThat(PageCache.fill(first, 3010)).isEqualTo(3010);
    assertThat(PageCache.fill(first, 0)).isZero();
  }

  @Test
  void fill_nothingThere_readsNothing() {
    assertThat(PageCache.fill(directory.resolve("model.gguf"))).isZero();
    assertThat(PageCache.fill(directory)).isZero();
  }

  private Path file(String name, int bytes) throws IOException {
    return Files.write(directory.resolve(name), new byte[bytes]);
  }
}
