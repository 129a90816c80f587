package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AmountsTest {

  @ParameterizedTest
  @CsvSource({
    "0, 0 bytes",
    "1023, 1023 bytes",
    "1024, 1.00 KiB",
    "393216, 384 KiB",
    "1048575, 1.00 MiB",
    "41868544, 39.9 MiB",
    "9223372036854775807, 8.00 EiB"
  })
  void bytes_anySize_hasThreeDigits(long bytes, String text) {
    assertThat(Amounts.bytes(bytes)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    "999, 999",
    "1000, 1.00 thousand",
    "999950, 1.00 million",
    "20934272, 20.9 million",
    "46702792704, 46.7 billion"
  })
  void count_anySize_hasThreeDigits(long count, String text) {
    assertThat(Amounts.count(count)).isEqualTo(text);
  }
}
