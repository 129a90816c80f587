package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class InspectCommandTest {
  private static final String MODEL = Fixtures.model("mixtral").toString();

  /** Keys and values of two heads of 16, in two layers; in q8_0 with a scale for each head. */
  @Test
  void inspect_json_countsKeysAndValuesOfEveryDtype() throws IOException {
    JsonNode model = new ObjectMapper().readTree(Ran.command("inspect", "--json", MODEL).output());
    assertThat(model.get("kvDtype").asText()).isEqualTo("f16");
    JsonNode bytes = model.get("keyValueBytesPerTokenOfDtype");
    int elements = 2 * 2 * 16 * 2;
    assertThat(bytes.get("f32").asInt()).isEqualTo(elements * 4);
    assertThat(bytes.get("f16").asInt()).isEqualTo(elements * 2);
    assertThat(bytes.get("bf16").asInt()).isEqualTo(elements * 2);
    assertThat(bytes.get("q8_0").asInt()).isEqualTo(elements + 2 * 2 * 2 * 4);
  }

  @Test
  void inspect_text_saysWhatACacheWouldTake() {
    assertThat(Ran.command("inspect", MODEL).output())
        .contains("kv-dtype", "f16 by itself", "f32 512 bytes", "f16 256 bytes", "q8_0 160 bytes");
  }
}
