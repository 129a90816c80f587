package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class FailuresTest {

  private final ByteArrayOutputStream errors = new ByteArrayOutputStream();

  @Test
  void report_memoryFull_saysInOneLineHowToGetMore() {
    assertThat(report(new OutOfMemoryError("Java heap space"))).isEqualTo(1);
    assertThat(errors.toString(StandardCharsets.UTF_8).lines())
        .singleElement()
        .asString()
        .contains("out of memory (Java heap space)", "-Xmx");
  }

  @Test
  void report_otherError_isADefect() {
    assertThat(report(new StackOverflowError())).isEqualTo(Failures.DEFECT);
    assertThat(errors.toString(StandardCharsets.UTF_8))
        .startsWith("consilium: defect: java.lang.StackOverflowError")
        .contains("--verbose");
  }

  private int report(Throwable failure) {
    PrintStream before = System.err;
    System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
    try {
      return Failures.report(failure, false);
    } finally {
      System.setErr(before);
    }
  }
}
