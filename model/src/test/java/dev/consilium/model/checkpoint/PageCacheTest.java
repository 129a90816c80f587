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
  void fill_directory_readsWeightsOnly() throws IOException {
    file("model-00001-of-00002.safetensors", 3000);
    file("model-00002-of-00002.safetensors", 20);
    file("tokenizer.json", 100);
    Files.createDirectory(directory.resolve("old.gguf"));
    assertThat(PageCache.fill(directory)).isEqualTo(3020);
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
