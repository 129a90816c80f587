package dev.consilium.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class OrphanIT {

  @Test
  void up_killed_itsProcessesEnd() throws Exception {
    try (CommandLineProcess up =
        CommandLineProcess.start("up", "--port", "0", "--grpc-port", "0")) {
      up.readUntil("HTTP ");
      List<ProcessHandle> children = up.handle().children().toList();
      assertThat(children).as("gateway, router, two expert nodes").hasSize(4);

      up.handle().destroyForcibly(); // no handler runs: the children have to notice by themselves

      for (ProcessHandle child : children) {
        child.onExit().get(60, TimeUnit.SECONDS);
      }
    }
  }
}
