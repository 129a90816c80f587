package dev.consilium.model.gguf;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files whose layers are one block each, and do not say which. */
class GgufSingleBlocksTest {

  private static final String ARCHITECTURE = "nemotron_h_moe.";

  @TempDir Path directory;

  @Test
  void of_layerThatIsTwoBlocks_isRefusedByName() throws IOException {
    refused(
        metadata()
            .wholes(ARCHITECTURE + "attention.head_count_kv", new int[] {2, 0})
            .wholes(ARCHITECTURE + "feed_forward_length", new int[] {40, 40}),
        "nemotron_h_moe.feed_forward_length is a list of 2 INT32, want 0 of layer 0, which attends");
  }

  @Test
  void of_otherNumberOfLayers_isRefusedByName() throws IOException {
    refused(
        metadata()
            .wholes(ARCHITECTURE + "attention.head_count_kv", new int[] {2, 0})
            .wholes(ARCHITECTURE + "feed_forward_length", new int[] {0, 40, 0}),
        "feed_forward_length is a list of 3 INT32, want 2 numbers, one per layer");
  }

  private static GgufMetadataBuilder metadata() {
    return new GgufMetadataBuilder()
        .text("general.architecture", "nemotron_h_moe")
        .whole(ARCHITECTURE + "block_count", 2);
  }

  private void refused(GgufMetadataBuilder metadata, String problem) throws IOException {
    Path file = directory.resolve("model.gguf");
    new GgufWriter(file, metadata, List.of()).write((tensor, sink) -> {});
    try (GgufModel model = GgufModel.open(file)) {
      assertThatThrownBy(() -> GgufSpec.of(model))
          .isInstanceOf(GgufException.class)
          .hasMessageContaining(problem);
    }
  }
}
