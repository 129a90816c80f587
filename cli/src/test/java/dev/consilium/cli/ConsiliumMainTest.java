package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import picocli.CommandLine.Command;

class ConsiliumMainTest {

  @Test
  void commands_areCalledAsTheySayThemselves() {
    ConsiliumMain.COMMANDS.forEach(
        (name, command) -> assertThat(command.getAnnotation(Command.class).name()).isEqualTo(name));
  }
}
