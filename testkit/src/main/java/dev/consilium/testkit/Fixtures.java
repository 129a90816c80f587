package dev.consilium.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where the reference fixtures lie: {@code testkit/fixtures} (see its README for sources and
 * licences) and the demo model in {@code models/demo}.
 */
public final class Fixtures {

  /** Model fixtures of families that GGUF files can hold for us, too. */
  public static final List<String> GGUF_MODELS =
      List.of(
          "mixtral",
          "mixtral-swa",
          "qwen2-moe",
          "qwen3-moe",
          "qwen3-moe-yarn",
          "qwen3-moe-rope-parameters",
          "olmoe",
          "deepseek-v2",
          "deepseek-v2-lite",
          "deepseek-v3",
          "deepseek-v3-fp8",
          "ernie4_5-moe",
          "glm4-moe",
          "gpt-oss",
          "gpt-oss-mxfp4",
          "granitemoe",
          "granitemoeshared",
          "granitemoehybrid",
          "qwen3-next",
          "qwen3_5_moe",
          "qwen3_5_moe_text",
          "kimi_linear",
          "exaone_moe",
          "hunyuan_v1_moe",
          "minimax_m2",
          "minimax-text-01",
          "hy_v3",
          "solar_open",
          "dbrx");

  private static final Path ROOT = projectRoot();

  /** All model fixtures, sorted; each directory also holds its golden values. */
  public static final List<String> MODELS = names(ROOT.resolve("testkit/fixtures/models"));

  private Fixtures() {}

  private static List<String> names(Path directory) {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The directory of one model fixture, for example {@code "mixtral"}. */
  public static Path model(String name) {
    return existing(ROOT.resolve("testkit/fixtures/models").resolve(name));
  }

  /** The directory of one tokenizer fixture, for example {@code "qwen3"}. */
  public static Path tokenizer(String name) {
    return existing(ROOT.resolve("testkit/fixtures/tokenizers").resolve(name));
  }

  /** The directory of one chat template fixture, for example {@code "qwen3"}. */
  public static Path chatTemplate(String name) {
    return existing(ROOT.resolve("testkit/fixtures/chat_templates").resolve(name));
  }

  /** The directory of the demo model that ships with the project. */
  public static Path demoModel() {
    return existing(ROOT.resolve("models/demo"));
  }

  /** The root of the project's tree. */
  public static Path root() {
    return ROOT;
  }

  private static Path existing(Path path) {
    if (!Files.isDirectory(path)) {
      throw new IllegalArgumentException("no fixture directory at " + path);
    }
    return path;
  }

  /**
   * The build names the root in a system property; an IDE does not, so look upwards from where we
   * are.
   */
  private static Path projectRoot() {
    String named = System.getProperty("consilium.root");
    Path at = Path.of(named != null ? named : "").toAbsolutePath();
    for (Path candidate = at; candidate != null; candidate = candidate.getParent()) {
      if (Files.isDirectory(candidate.resolve("testkit/fixtures"))) {
        return candidate;
      }
    }
    throw new IllegalStateException("no testkit/fixtures at or above " + at);
  }
}
