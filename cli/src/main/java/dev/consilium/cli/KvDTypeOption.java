package dev.consilium.cli;

import dev.consilium.router.KvCacheDType;
import java.util.Optional;
import picocli.CommandLine.Option;

/** What the KV cache is kept as. */
final class KvDTypeOption {

  @Option(
      names = "--kv-dtype",
      paramLabel = "DTYPE",
      description =
          "Keep keys and values as f32, f16, bf16 or q8_0; auto: f32 if the weights are, else f16. Default: auto, for"
              + " check f32.")
  private Optional<String> name = Optional.empty();

  KvCacheDType choice() {
    return choice(KvCacheDType.AUTO);
  }

  /** What was asked for, or else a default. */
  KvCacheDType choice(KvCacheDType otherwise) {
    try {
      return name.map(KvCacheDType::of).orElse(otherwise);
    } catch (IllegalArgumentException unknown) {
      throw new CommandFailure("--" + unknown.getMessage(), unknown);
    }
  }
}
