package dev.consilium.router.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.router.KvCacheDType;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.forward.BatchResult;
import dev.consilium.router.forward.BatchSlice;
import dev.consilium.router.kvcache.SequenceCache;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.testkit.Fixtures;
import io.opentelemetry.context.Context;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A model gives the same numbers from a GGUF file that it gives from where that was made of. */
class GgufGoldenTest {
  private static final int TOKENS = 24;

  /** Heads of values have another order in files, and what they give is added up in that. */
  private static final Set<String> OTHER_SUMS = Set.of("qwen3_5_moe", "qwen3_5_moe_text");

  @TempDir Path temporary;

  static Stream<String> models() {
    return Fixtures.GGUF_MODELS.stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void run_convertedWithoutLoss_equalsReference(String name) throws IOException {
    Path file = converted(Fixtures.model(name), Quantisation.F32);
    try (Checkpoint checkpoint = Checkpoint.open(file);
        Router router = open(checkpoint)) {
      GoldenReport report = GoldenCheck.run(router, Fixtures.model(name), 0);
      assertThat(report.problems()).isEmpty();
      assertThat(report.logitError()).isLessThan(1e-4);
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void logits_convertedWithoutLoss_sameBits(String name) throws IOException {
    Path original = Fixtures.model(name);
    float[][] wanted = logits(converted(original, Quantisation.F32));
    if (OTHER_SUMS.contains(name)) {
      assertNear(wanted, logits(original), 1e-5f);
    } else {
      assertThat(wanted).isDeepEqualTo(logits(original));
    }
    boolean bf16;
    try (Checkpoint checkpoint = Checkpoint.open(original)) {
      bf16 =
          checkpoint.headers().values().stream()
              .filter(header -> header.shape().size() > 1)
              .allMatch(header -> header.dtype().equals("BF16"));
    }
    if (bf16) {
      Path half = converted(original, Quantisation.BF16);
      assertThat(logits(half)).isDeepEqualTo(wanted);
      assertThat(logits(converted(half, Quantisation.F32))).isDeepEqualTo(wanted);
    }
  }

  /**
   * What fixtures say that files cannot say is replaced: Llama 4's chunks are as large as those of
   * all its models, and both magnitudes of longrope are one.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "llama4-text; \"(attention_chunk_size|floor_scale)\": \\d+; \"$1\": 8192",
        "phimoe; \"(short_mscale|long_mscale)\": [\\d.]+; \"$1\": 1.25",
        "qwen3-moe-yarn; \"factor\": 4.0; \"factor\": 4.0, \"attention_factor\": 1.5",
        "granitemoe; \"rope_scaling\": null; \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, "
            + "\"low_freq_factor\": 1, \"high_freq_factor\": 4, \"original_max_position_embeddings\": 64}",
      })
  void logits_otherConfiguration_areThoseOfTheOriginal(
      String name, String pattern, String replacement) throws IOException {
    Path model = Files.createDirectory(temporary.resolve("model"));
    Path fixture = Fixtures.model(name);
    Files.copy(fixture.resolve("model.safetensors"), model.resolve("model.safetensors"));
    String config = Files.readString(fixture.resolve("config.json"));
    String changed = config.replaceAll(pattern, replacement);
    assertThat(changed).isNotEqualTo(config);
    Files.writeString(model.resolve("config.json"), changed);
    float[][] wanted = logits(model);
    Path file = temporary.resolve("converted.gguf");
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      new GgufConversion(checkpoint, Quantisation.F32).write(file, GgufWriter.Progress.NONE);
    }
    // Factors of frequencies are rounded; everything else is the same.
    assertNear(logits(file), wanted, 1e-4f);
  }

  private static void assertNear(float[][] found, float[][] wanted, float most) {
    for (int token = 0; token < TOKENS; token++) {
      assertThat(found[token]).containsExactly(wanted[token], within(most));
    }
  }

  /** What files cannot say is taken away: windows or dense blocks of some layers, and biases. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "dots1; none; {\"sliding_window\": null}",
        "lfm2_moe; .*conv\\.\\w+\\.bias; {\"conv_bias\": false, \"routed_scaling_factor\": 1}",
        "nemotron_h; .*layers\\.[345]\\..*; "
            + "{\"hybrid_override_pattern\": \"ME*\", \"num_hidden_layers\": 3}",
        "nemotron_h-latent; .*proj\\.bias; {\"mlp_bias\": false, \"use_bias\": false}",
        "jamba; .*(in|out)_proj\\.bias; {\"mamba_proj_bias\": false}",
        "glm4_moe_lite; .*self_attn\\.\\w+\\.bias; {\"attention_bias\": false}",
      })
  void logits_reducedToWhatFilesSay_sameBits(String name, String without, String fields)
      throws IOException {
    Path model =
        ReducedModel.of(
            Fixtures.model(name),
            Files.createDirectory(temporary.resolve("model")),
            tensor -> tensor.matches(without),
            fields);
    float[][] wanted = logits(model);
    Path file = converted(model, Quantisation.F32);
    assertThat(logits(file)).isDeepEqualTo(wanted);
    assertThat(Files.mismatch(file, converted(file, Quantisation.F32))).isEqualTo(-1);
  }

  /**
   * Fewer bits change the numbers a little. The bounds are twice what these models show; an order
   * of rows or a scale that is wrong changes them wholly.
   */
  @ParameterizedTest
  @CsvSource({
    "qwen3-moe, Q8_0, 0.07",
    "qwen3-moe, Q5_0, 0.2",
    "qwen3-moe, Q4_0, 0.4",
    "qwen3-moe, MXFP4, 0.3",
    "mixtral, Q8_0, 0.07",
    "qwen2-moe, Q8_0, 0.07",
    "olmoe, Q8_0, 0.07",
    "gpt-oss-mxfp4, MXFP4, 0.1",
    "deepseek-v3, Q8_0, 0.07",
    "glm4-moe, Q8_0, 0.07",
    "olmoe, Q4_K, 0.07", // rows of 64 are no blocks of 256: all is q8_0
  })
  void logits_quantised_areNearTheOriginal(String name, Quantisation type, double bound)
      throws IOException {
    float[][] wanted = logits(Fixtures.model(name));
    float[][] found = logits(converted(Fixtures.model(name), type));
    double error = 0;
    double scale = 0;
    for (int token = 0; token < TOKENS; token++) {
      for (int i = 0; i < wanted[token].length; i++) {
        double difference = wanted[token][i] - found[token][i];
        error += difference * difference;
        scale += (double) wanted[token][i] * wanted[token][i];
      }
    }
    assertThat(Math.sqrt(error / scale)).as("%s in %s", name, type).isBetween(1e-6, bound);
  }

  @Test
  void write_alreadyOfThatType_copiesTheWeights() throws IOException {
    copiesTheWeights("mixtral");
    copiesTheWeights("deepseek-v2");
    copiesTheWeights("granitemoehybrid");
    copiesTheWeights("qwen3-next");
    copiesTheWeights("qwen3_5_moe");
    copiesTheWeights("kimi_linear");
    copiesTheWeights("dbrx");
  }

  private void copiesTheWeights(String name) throws IOException {
    Path once = converted(Fixtures.model(name), Quantisation.Q8_0);
    Path twice = converted(once, Quantisation.Q8_0);
    assertThat(Files.mismatch(once, twice)).isEqualTo(-1);
  }

  private Path converted(Path from, Quantisation quantisation) throws IOException {
    Path file =
        temporary.resolve(quantisation + (Files.isRegularFile(from) ? "-again" : "") + ".gguf");
    try (Checkpoint checkpoint = Checkpoint.open(from)) {
      new GgufConversion(checkpoint, quantisation).write(file, GgufWriter.Progress.NONE);
    }
    return file;
  }

  private static Router open(Checkpoint checkpoint) {
    return Router.open(
        checkpoint,
        RouterOptions.inProcess(2).withKvDType(KvCacheDType.F32),
        new Utilisation(),
        EngineObserver.NONE);
  }

  private static float[][] logits(Path model) {
    try (Checkpoint checkpoint = Checkpoint.open(model);
        Router router = open(checkpoint)) {
      int vocabulary = checkpoint.spec().vocabularySize();
      int[] prompt = new SplittableRandom(1).ints(TOKENS, 0, vocabulary).toArray();
      SequenceCache cache = new SequenceCache(router.pool());
      cache.reserve(TOKENS);
      BatchResult result =
          router
              .forward()
              .run(
                  List.of(
                      new BatchSlice(
                          cache,
                          prompt,
                          0,
                          TOKENS,
                          TOKENS,
                          BatchSlice.Logits.ALL,
                          false,
                          Context.root())));
      assertThat(result.failure(0)).isEmpty();
      float[][] logits = new float[TOKENS][vocabulary];
      for (int token = 0; token < TOKENS; token++) {
        result.readLogits(0, token, logits[token]);
      }
      cache.release();
      return logits;
    }
  }
}
