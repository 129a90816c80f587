package dev.consilium.tensor.quant;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Float8Test {
  @ParameterizedTest
  @CsvSource({
    "0x00, 0",
    "0x01, 0.001953125",
    "0x07, 0.013671875",
    "0x08, 0.015625",
    "0x38, 1",
    "0x39, 1.125",
    "0x3c, 1.5",
    "0x40, 2",
    "0x77, 240",
    "0x78, 256",
    "0x7e, 448",
    "0xb8, -1",
    "0xfe, -448"
  })
  void e4m3_examplesOfTheFormat_areTheseNumbers(String bits, float number) {
    assertThat(Float8.e4m3(Integer.decode(bits).byteValue())).isEqualTo(number);
  }

  @Test
  void e4m3_allBits_ascendWithOneNanPerSign() {
    assertThat(Float8.e4m3((byte) 0x7f)).isNaN();
    assertThat(Float8.e4m3((byte) 0xff)).isNaN();
    for (int bits = 1; bits < 0x7f; bits++) {
      assertThat(Float8.e4m3((byte) bits)).isGreaterThan(Float8.e4m3((byte) (bits - 1)));
      assertThat(Float8.e4m3((byte) (bits | 0x80))).isEqualTo(-Float8.e4m3((byte) bits));
    }
  }
}
