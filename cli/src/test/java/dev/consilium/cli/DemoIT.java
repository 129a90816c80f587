package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoIT {

  private static final Pattern TIMING =
      Pattern.compile("\\[(\\d+) prompt tokens, (\\d+) generated in .*\\]");
  private static final Pattern ROW = Pattern.compile("(?m)^ +(\\d+) +(\\d+) +(\\d+) +(\\d+)$");
  private static final int LAYERS = 6;
  private static final int EXPERTS_PER_TOKEN = 2;
  // What the demo asks for; a shorter answer ended by itself.
  private static final List<Integer> ASKED = List.of(160, 80);

  @Test
  void demo_whole_streamsTextAndCountsEveryToken(@TempDir Path logs) throws Exception {
    CommandLineProcess.Ended demo = CommandLineProcess.run("demo", "--log-dir", logs.toString());

    assertThat(demo.status()).as(demo.errors()).isZero();
    assertThat(demo.complaints()).isEmpty();
    assertThat(LogFiles.complaints(logs)).isEmpty();
    assertThat(demo.output())
        .contains("POST /v1/chat/completions")
        .contains("First token")
        .contains("curl -N http://");
    assertThat(rows(demo.output()))
        .hasSize(LAYERS)
        .allSatisfy(row -> {
          assertThat(row.getFirst() + row.get(1)).isEqualTo(row.getLast());
          assertThat(row.getLast()).isEqualTo(EXPERTS_PER_TOKEN * computedTokens(demo.output()));
        });
  }

  /** For each layer: tokens on the first node, on the second, in all. */
  private static List<List<Long>> rows(String output) {
    return ROW.matcher(output)
        .results()
        .map(row -> List.of(number(row, 2), number(row, 3), number(row, 4)))
        .toList();
  }

  /**
   * Every token but one drawn last goes through the layers; after one drawn last nothing is
   * computed.
   */
  private static long computedTokens(String output) {
    List<MatchResult> timings = TIMING.matcher(output).results().toList();
    assertThat(timings).hasSize(ASKED.size());
    long tokens = 0;
    for (int i = 0; i < timings.size(); i++) {
      long generated = number(timings.get(i), 2);
      assertThat(generated).isPositive();
      tokens += number(timings.get(i), 1) + generated - (generated == ASKED.get(i) ? 1 : 0);
    }
    return tokens;
  }

  private static long number(MatchResult match, int group) {
    return Long.parseLong(match.group(group));
  }
}
