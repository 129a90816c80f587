package dev.consilium.model.synthetic;

import dev.consilium.model.conversion.GgufLayout;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.conversion.WeightCodec;
import dev.consilium.model.conversion.WeightRole;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufSpecWriter;
import dev.consilium.model.gguf.GgufTensorType;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.zip.CRC32;

/**
 * A model with random weights, written as GGUF. Weights are scaled so that activations keep their
 * size through the layers and the next token's distribution has an entropy of a few nats, and are
 * rounded to bf16 before they are encoded: one family, size and seed is one model, whatever its
 * type.
 *
 * @param family whose shape it has
 * @param shape its size
 * @param type of all matrices but gates
 * @param seed of the weights
 */
public record SyntheticModel(
    SyntheticFamily family, SyntheticShape shape, Quantisation type, long seed) {

  private static final int CHUNK_WEIGHTS = 1 << 22;
  private static final int NORMALS = 1 << 16;
  private static final double NORM_DEVIATION = 0.05;

  /** Draws from a table are ten times as fast as from the distribution, and as good here. */
  private static final float[] TABLE = normals();

  private static float[] normals() {
    SplittableRandom random = new SplittableRandom(1);
    float[] normals = new float[NORMALS];
    for (int i = 0; i < NORMALS; i++) {
      normals[i] = (float) random.nextGaussian();
    }
    return normals;
  }

  /** Writes the file; if that fails, whatever was there before stays. */
  public void write(Path target, GgufWriter.Progress progress) throws IOException {
    ModelSpec spec = family.spec(shape);
    List<GgufLayout.Entry> layout =
        GgufLayout.of(spec, (name, role, columns) -> type.uniformTypeOf(role, columns));
    new GgufWriter(target, metadata(spec), layout.stream().map(GgufLayout.Entry::tensor).toList())
        .write(new Weights(layout), progress);
  }

  private GgufMetadataBuilder metadata(ModelSpec spec) {
    GgufMetadataBuilder metadata = new GgufMetadataBuilder();
    GgufSpecWriter.write(spec, metadata);
    String name = "synthetic-%s-%s".formatted(family, shape).toLowerCase(Locale.ROOT);
    int size = shape.vocabulary;
    int[] types = new int[size];
    Arrays.fill(types, 1);
    types[size - 2] = 3;
    types[size - 1] = 3;
    SyntheticVocabulary vocabulary = SyntheticVocabulary.ofSize(size);
    return metadata
        .text("general.name", name)
        .text("general.type", "model")
        .whole("general.file_type", type.fileType())
        .whole("general.quantization_version", 2)
        .text("tokenizer.ggml.model", "gpt2")
        .text("tokenizer.ggml.pre", "gpt-2")
        .texts("tokenizer.ggml.tokens", vocabulary.tokens())
        .wholes("tokenizer.ggml.token_type", types)
        .texts("tokenizer.ggml.merges", vocabulary.merges())
        .whole("tokenizer.ggml.bos_token_id", size - 2)
        .whole("tokenizer.ggml.eos_token_id", size - 1)
        .flag("tokenizer.ggml.add_bos_token", false);
  }

  /** What weights are multiplied by; norms are 1 and that much noise. */
  private double deviation(GgufLayout.Entry entry) {
    double residual = 2 / Math.sqrt(2 * shape.layers); // so that all branches add up to about 1
    double byWidth = 1 / Math.sqrt(entry.columns());
    String name = entry.tensor().name();
    return switch (WeightRole.of(name, entry.tensor().shape())) {
      case VECTOR -> NORM_DEVIATION;
      case EMBEDDING -> 1;
      case HEAD -> 3.5 * byWidth;
      case GATE -> 1.5 * byWidth;
      case EXPERTS ->
          name.contains("_down_") ? residual * Math.sqrt(shape.topK) * byWidth : byWidth;
      case MATRIX -> name.contains("attn_output") ? residual * byWidth : byWidth;
    };
  }

  /** Gives the file its tensors. */
  private final class Weights implements GgufWriter.Content {
    private final Map<String, GgufLayout.Entry> entries = new HashMap<>();

    Weights(List<GgufLayout.Entry> layout) {
      layout.forEach(entry -> entries.put(entry.tensor().name(), entry));
    }

    @Override
    public void write(GgufWriter.Tensor tensor, GgufWriter.Sink sink) throws IOException {
      GgufLayout.Entry entry = entries.get(tensor.name());
      if (entry == null) {
        throw new IllegalStateException("tensor " + tensor.name() + " is not part of the layout");
      }
      long rows = entry.rows();
      int step = Math.clamp(CHUNK_WEIGHTS / entry.columns(), 1, Integer.MAX_VALUE);
      for (long row = 0; row < rows; row += step) {
        int count = (int) Math.min(step, rows - row);
        try (Arena arena = Arena.ofShared()) {
          sink.write(drawn(entry, row, count, arena).asByteBuffer());
        }
      }
    }

    private MemorySegment drawn(GgufLayout.Entry entry, long first, int count, Arena arena) {
      GgufTensorType encoding = entry.tensor().type();
      DType dtype = WeightCodec.dtype(encoding);
      long rowBytes = encoding.byteSize(entry.columns());
      float deviation = (float) deviation(entry);
      float mean = entry.tensor().shape().size() == 1 ? 1 : 0;
      long name = hash(entry.tensor().name());
      MemorySegment bytes = arena.allocate(count * rowBytes, 64);
      IntStream.range(0, count)
          .parallel()
          .forEach(i -> {
            float[] row = new float[entry.columns()];
            draw(new SplittableRandom(name + first + i), deviation, mean, row);
            WeightCodec.encode(dtype, row, bytes, i * rowBytes);
          });
      return bytes;
    }

    private long hash(String name) {
      CRC32 sum = new CRC32();
      sum.update(name.getBytes(StandardCharsets.UTF_8));
      return new SplittableRandom(seed ^ sum.getValue() << 20).nextLong();
    }

    private static void draw(SplittableRandom random, float deviation, float mean, float[] into) {
      long bits = 0;
      for (int i = 0; i < into.length; i++) {
        bits = i % 4 == 0 ? random.nextLong() : bits >>> 16;
        float weight = mean + deviation * TABLE[(int) bits & (NORMALS - 1)];
        int raw = Float.floatToRawIntBits(weight);
        into[i] = Float.intBitsToFloat((raw + 0x7fff + (raw >>> 16 & 1)) & 0xffff_0000);
      }
    }
  }
}
