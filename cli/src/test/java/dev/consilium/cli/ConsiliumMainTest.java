package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class ConsiliumMainTest {

  @Test
  void commandLine_oneCommand_isAsAmongAll() {
    CommandLine all = ConsiliumMain.commandLine(new ConsiliumMain(), "");
    assertThat(all.getSubcommands().keySet()).isEqualTo(ConsiliumMain.COMMANDS.keySet());
    all.getSubcommands()
        .forEach((name, among) -> {
          CommandLine one = ConsiliumMain.commandLine(new ConsiliumMain(), name);
          assertThat(one.getSubcommands()).containsOnlyKeys(name);
          CommandLine alone = one.getSubcommands().values().iterator().next();
          assertThat(alone.getUsageMessage())
              .isEqualTo(among.getUsageMessage())
              .contains("--verbose");
          assertThat(alone.isCaseInsensitiveEnumValuesAllowed()).isTrue();
        });
  }
}
