package dev.consilium.router;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.consilium.model.checkpoint.SpecTensors;
import dev.consilium.model.family.ModelFamilies;
import dev.consilium.model.family.ModelSpec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Writes tiny models of any family with random weights. */
public final class RandomModel {
  /** Three gated delta nets and a gated attention, twice. */
  public static final String DELTA_NET =
      """
      {"model_type": "qwen3_next", "hidden_size": 48, "vocab_size": 320, "num_hidden_layers": 8,
       "max_position_embeddings": 512, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
       "linear_num_value_heads": 6, "linear_num_key_heads": 2, "linear_key_head_dim": 12,
       "linear_value_head_dim": 20, "linear_conv_kernel_dim": 4, "num_experts": 6, "num_experts_per_tok": 2,
       "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16}
      """;

  private RandomModel() {}

  /**
   * Writes a model.
   *
   * @param directory to write into
   * @param config the content of {@code config.json}
   */
  public static Path write(Path directory, String config, long seed) throws IOException {
    ModelSpec spec = ModelFamilies.specify(new ObjectMapper().readTree(config));
    Random random = new Random(seed);
    List<String> entries = new ArrayList<>();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    SpecTensors.visit(
        spec,
        (name, shape) -> {
          int elements = Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact));
          int begin = data.size();
          data.writeBytes(values(random, elements, shape.size() > 1));
          entries.add(
              "\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(name, shape, begin, data.size()));
        });
    byte[] header = ("{" + String.join(",", entries) + "}").getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(8 + header.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(header.length).put(header).put(data.toByteArray());
    Files.write(directory.resolve("model.safetensors"), file.array());
    Files.writeString(directory.resolve("config.json"), config);
    return directory;
  }

  private static byte[] values(Random random, int count, boolean matrix) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      bytes.putFloat((float) random.nextGaussian() * (matrix ? 0.25f : 0.5f));
    }
    return bytes.array();
  }
}
