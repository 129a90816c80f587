package dev.consilium.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "17, 17",
    "17B, 17",
    "1K, 1024",
    "2 MiB, 2097152",
    "8gib, 8589934592",
    "1T, 1099511627776"
  })
  void of_numberWithUnit_isBytes(String text, long bytes) {
    assertThat(ByteSize.of(text).bytes()).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1", "1.5G", "1X", "G", "99999999999T", "1GB"})
  void of_anythingElse_isRefusedWithExample(String text) {
    assertThatThrownBy(() -> ByteSize.of(text)).hasMessageContaining("512MiB");
  }
}
