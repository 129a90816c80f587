package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.cli.wire.ExpertTokens;
import java.util.List;
import org.junit.jupiter.api.Test;

class NodeTableTest {

  @Test
  void print_nodesInAnyOrder_addsExpertsByLayerAndNode() {
    NodeTable table =
        new NodeTable(
            List.of(
                new ExpertTokens(1, 0, "node-2", 5),
                new ExpertTokens(0, 0, "node-1", 3),
                new ExpertTokens(0, 1, "node-1", 4),
                new ExpertTokens(0, 2, "node-2", 1)));
    assertThat(table.print(Style.PLAIN))
        .isEqualTo(
            """
              layer   node-1   node-2    total
                  0        7        1        8
                  1        0        5        5
            """);
  }
}
