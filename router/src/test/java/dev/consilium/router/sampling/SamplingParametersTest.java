package dev.consilium.router.sampling;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.router.sampling.SamplingParameters.Penalties;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplingParametersTest {
  @ParameterizedTest
  @CsvSource({
    "temperature,-0.1",
    "temperature,100.1",
    "temperature,NaN",
    "temperature,Infinity",
    "top_k,-1",
    "top_p,0",
    "top_p,-1",
    "top_p,1.01",
    "top_p,NaN",
    "min_p,-0.1",
    "min_p,1.1",
    "min_p,NaN",
    "repetition_penalty,0",
    "repetition_penalty,-1",
    "repetition_penalty,NaN",
    "presence_penalty,-2.1",
    "presence_penalty,2.1",
    "presence_penalty,NaN",
    "frequency_penalty,-2.1",
    "frequency_penalty,2.1",
    "frequency_penalty,NaN",
    "logit_bias of token 7,-100.1",
    "logit_bias of token 7,100.1",
    "logit_bias of token 7,NaN"
  })
  void construct_outOfRange_isRefusedByName(String name, float value) {
    assertThatThrownBy(with(name, value))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(name + " is ")
        .hasMessageContaining("must be");
  }

  private static ThrowingCallable with(String name, float value) {
    return () -> {
      switch (name) {
        case "temperature" -> parameters(value, 0, 1, 0, Map.of());
        case "top_k" -> parameters(1, (int) value, 1, 0, Map.of());
        case "top_p" -> parameters(1, 0, value, 0, Map.of());
        case "min_p" -> parameters(1, 0, 1, value, Map.of());
        case "repetition_penalty" -> new Penalties(value, 0, 0);
        case "presence_penalty" -> new Penalties(1, value, 0);
        case "frequency_penalty" -> new Penalties(1, 0, value);
        default -> parameters(1, 0, 1, 0, Map.of(7, value));
      }
    };
  }

  private static SamplingParameters parameters(
      float temperature, int topK, float topP, float minP, Map<Integer, Float> bias) {
    return new SamplingParameters(temperature, topK, topP, minP, Penalties.NONE, bias, 0);
  }
}
