package dev.consilium.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TargetTest {

  @Test
  void parseList_addressesAndNames_areRead() {
    assertThat(Target.parseList("a:1, 10.0.0.1:9200,[::1]:3,,dns:///nodes.consilium:9200"))
        .containsExactly(
            new Target("a", 1, false),
            new Target("10.0.0.1", 9200, false),
            new Target("[::1]", 3, false),
            new Target("nodes.consilium", 9200, true));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "a:", ":1", "a:0", "a:65536", "a:x", "::1:9", "http://a:1"})
  void parse_malformed_isRefused(String text) {
    assertThatThrownBy(() -> Target.parse(text)).hasMessageContaining("target");
  }

  @Test
  void servers_oneAddress_isItself() throws Exception {
    Target target = Target.parse("nowhere.invalid:1");
    assertThat(target.servers()).containsExactly(target);
  }

  @Test
  void servers_dnsName_areItsAddressesInOrder() throws Exception {
    assertThat(Target.parse("dns:///localhost:9200").servers())
        .isNotEmpty()
        .allMatch(server -> server.port() == 9200 && !server.everyAddress())
        .isSortedAccordingTo((one, other) -> one.host().compareTo(other.host()));
  }
}
