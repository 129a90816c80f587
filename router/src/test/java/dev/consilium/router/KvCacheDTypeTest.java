package dev.consilium.router;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.tensor.KvDType;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KvCacheDTypeTest {

  @Test
  void of_anyCase_isFound() {
    assertThat(KvCacheDType.of("q8_0")).isEqualTo(KvCacheDType.Q8_0);
    assertThat(KvCacheDType.of("Auto")).isEqualTo(KvCacheDType.AUTO);
  }

  @Test
  void of_unknown_saysWhatThereIs() {
    assertThatThrownBy(() -> KvCacheDType.of("f8"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("kv-dtype is f8, expected one of [auto, f32, f16, bf16, q8_0]");
  }

  @Test
  void dtype_auto_followsTheWeights(@TempDir Path directory) throws IOException {
    Path f32 = directory.resolve("f32.gguf");
    try (Checkpoint bf16 = Checkpoint.open(Fixtures.model("mixtral"))) {
      assertThat(KvCacheDType.AUTO.dtype(bf16)).isEqualTo(KvDType.F16);
      assertThat(KvCacheDType.Q8_0.dtype(bf16)).isEqualTo(KvDType.Q8_0);
      new GgufConversion(bf16, Quantisation.F32).write(f32, GgufWriter.Progress.NONE);
    }
    try (Checkpoint all = Checkpoint.open(f32)) {
      assertThat(KvCacheDType.AUTO.dtype(all)).isEqualTo(KvDType.F32);
    }
  }
}
