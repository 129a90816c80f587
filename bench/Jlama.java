import com.github.tjake.jlama.model.AbstractModel;
import com.github.tjake.jlama.model.ModelSupport;
import com.github.tjake.jlama.model.functions.Generator.Response;
import com.github.tjake.jlama.safetensors.DType;
import com.github.tjake.jlama.safetensors.SafeTensorSupport;
import com.github.tjake.jlama.safetensors.prompt.PromptContext;
import com.github.tjake.jlama.tensor.operations.TensorOperationsProvider;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.DescribedCheckpoint;
import dev.consilium.model.checkpoint.SpecTensors;
import dev.consilium.model.family.ModelSpec;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What {@code jlama.sh} needs of Jlama: a model that it reads, quantised by it, and a run of it. */
final class Jlama {

  /** The shape of {@code ./consilium synth --arch mixtral --size small}; {@link #writeWeights} checks it. */
  private static final int VOCABULARY = 32_768;

  private static final String CONFIG =
      """
      {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 1024, "intermediate_size": 512,
       "num_hidden_layers": 12, "head_dim": 64, "num_attention_heads": 16, "num_key_value_heads": 4,
       "num_local_experts": 32, "num_experts_per_tok": 4, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 1e6,
       "vocab_size": %d, "max_position_embeddings": 8192, "torch_dtype": "bfloat16", "tie_word_embeddings": false,
       "bos_token_id": %d, "eos_token_id": %d}
      """
          .formatted(VOCABULARY, VOCABULARY - 2, VOCABULARY - 1);

  /** Of the character that stands for token 0; the others follow it, so that any tokens are a text. */
  private static final int FIRST_CHARACTER = 0x20000;

  private static final int PROMPT = 512;
  private static final int GENERATE = 128;

  public static void main(String[] args) throws IOException {
    switch (args[0]) {
      case "export" -> export(Path.of(args[1]), Path.of(args[2]));
      case "quantize" ->
          SafeTensorSupport.quantizeModel(
              Path.of(args[1]), DType.Q4, null, null, Optional.of(Path.of(args[2])));
      case "run" -> run(Path.of(args[1]), Integer.parseInt(args[2]), Integer.parseInt(args[3]));
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  /** Writes a synthetic GGUF file as a Hugging Face directory in bf16. */
  private static void export(Path gguf, Path directory) throws IOException {
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("config.json"), CONFIG);
    Files.writeString(directory.resolve("tokenizer.json"), tokenizer());
    Files.writeString(directory.resolve("README.md"), "Random weights.\n"); // quantizeModel wants one
    Map<String, List<Long>> tensors = tensors(DescribedCheckpoint.read(directory).spec());
    try (Checkpoint model = Checkpoint.open(gguf)) {
      writeWeights(model, tensors, directory.resolve("model.safetensors"));
    }
  }

  /** Shapes by name, in an order that is the same whatever the names are. */
  private static Map<String, List<Long>> tensors(ModelSpec spec) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    SpecTensors.visit(spec, shapes::put);
    return shapes;
  }

  private static String tokenizer() {
    String tokens =
        IntStream.range(0, VOCABULARY)
            .mapToObj(id -> "\"%s\":%d".formatted(character(id), id))
            .collect(Collectors.joining(","));
    return "{\"model\":{\"type\":\"BPE\",\"vocab\":{%s},\"merges\":[]}}".formatted(tokens);
  }

  private static String character(int token) {
    return Character.toString(FIRST_CHARACTER + token);
  }

  private static void writeWeights(Checkpoint model, Map<String, List<Long>> tensors, Path file)
      throws IOException {
    Map<String, List<Long>> held = tensors(model.spec());
    if (!List.copyOf(held.values()).equals(List.copyOf(tensors.values()))) {
      throw new IllegalStateException(model.directory() + " has not the shape that bench/Jlama.java states");
    }
    List<String> headers = new ArrayList<>();
    long end = 0;
    for (Map.Entry<String, List<Long>> tensor : tensors.entrySet()) {
      long begin = end;
      end += 2 * tensor.getValue().stream().reduce(1L, Math::multiplyExact);
      headers.add(
          "\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
              .formatted(tensor.getKey(), tensor.getValue(), begin, end));
    }
    byte[] header = ("{" + String.join(",", headers) + "}").getBytes(StandardCharsets.UTF_8);
    try (var out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file)))) {
      out.writeLong(Long.reverseBytes(header.length));
      out.write(header);
      for (String name : held.keySet()) {
        out.write(bf16(model.tensor(name).floats()));
      }
    }
  }

  /** Exact: synthetic weights are rounded to bf16 before they are encoded. */
  private static byte[] bf16(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      bytes.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
    }
    return bytes.array();
  }

  /** Prints tokens a second of prompt and decode for each repetition, after one that does not count. */
  private static void run(Path directory, int threads, int repetitions) {
    AbstractModel model =
        ModelSupport.loadModel(
            directory.toFile(), null, DType.F32, DType.I8, Optional.empty(), Optional.of(threads));
    System.err.println("Jlama computes with " + TensorOperationsProvider.get().name());
    // Jlama puts its begin token in front.
    String prompt =
        new Random(1)
            .ints(PROMPT - 1, 0, VOCABULARY - 2)
            .mapToObj(Jlama::character)
            .collect(Collectors.joining());
    for (int i = 0; i <= repetitions; i++) {
      Response response =
          model.generate(UUID.randomUUID(), PromptContext.of(prompt), 0, PROMPT + GENERATE);
      if (response.promptTokens != PROMPT - 1 || response.generatedTokens < GENERATE / 2) {
        throw new IllegalStateException("Jlama stopped early: " + response);
      }
      if (i > 0) {
        System.out.printf("pp%d %.2f%n", PROMPT, PROMPT * 1e3 / response.promptTimeMs);
        System.out.printf(
            "tg%d %.2f%n", GENERATE, response.generatedTokens * 1e3 / response.generateTimeMs);
      }
    }
    model.close();
  }
}
