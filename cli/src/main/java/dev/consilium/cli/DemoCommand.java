package dev.consilium.cli;

import dev.consilium.cli.cluster.ClassCaches;
import dev.consilium.cli.cluster.ClusterPlan;
import dev.consilium.cli.cluster.Installation;
import dev.consilium.cli.cluster.LocalCluster;
import dev.consilium.cli.text.ChatTurn;
import dev.consilium.cli.text.GatewaySource;
import dev.consilium.cli.text.Generated;
import dev.consilium.cli.text.TextOptions;
import dev.consilium.cli.text.TextSource;
import dev.consilium.cli.wire.GatewayGrpc;
import java.io.PrintStream;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Shows the whole thing:
 *
 * <ol>
 *   <li>Start a gateway, a router and two expert nodes.
 *   <li>Send a chat and a completion through the gateway's HTTP API; print the text as it streams.
 *   <li>Print which node computed how many tokens in each layer, and where the API is.
 *   <li>Stop everything, or keep it until Ctrl-C.
 * </ol>
 */
@Command(
    name = "demo",
    description = "Start a whole cluster on this machine and let it tell a story.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nExamples:%n",
    footer = {
      "  consilium demo           a gateway, a router and two expert nodes answer, then stop",
      "  consilium demo --keep    the same, and the API stays up until Ctrl-C",
    })
final class DemoCommand implements Callable<Integer> {

  private static final String REQUEST = "Tell me a story about a dog and a ball.";
  private static final String BEGINNING = "Once upon a time, there was a little girl named Lily.";
  private static final int CHAT_TOKENS = 160;
  private static final int COMPLETION_TOKENS = 80;
  private static final long SEED = 7;

  @Option(names = "--keep", description = "Leave the cluster up until Ctrl-C.")
  private boolean keep;

  @Mixin private final KvDTypeOption kvDType = new KvDTypeOption();
  @Mixin private final LogOption logs = new LogOption();

  private final Style style = Style.ofOutput();
  private final PrintStream out = System.out;

  @Override
  public Integer call() throws InterruptedException {
    Installation installation = Installation.locate();
    ClusterPlan plan = ClusterPlan.demo(Installation.demoModel()).withKvDType(kvDType.choice());
    say(
        style.faint(
            "Starting a gateway, a router and 2 expert nodes, each a process of its own ..."));
    try (LocalCluster cluster =
        LocalCluster.start(plan, installation, ClassCaches.of(installation), logs.directory())) {
      listProcesses(cluster);
      converse(cluster);
      showNodes(cluster);
      showApi(cluster.gateway());
      if (keep) {
        say("The cluster stays up. Its logs are in " + cluster.logs() + ". Ctrl-C stops it.");
        throw new CommandFailure(cluster.awaitFailure());
      }
    }
    return 0;
  }

  private void listProcesses(LocalCluster cluster) {
    for (int i = 0; i < cluster.nodes().size(); i++) {
      say(style.faint("  expert node %d  %s".formatted(i + 1, cluster.nodes().get(i))));
    }
    cluster.routers().forEach(address -> say(style.faint("  router         " + address)));
    say(style.faint("  gateway        " + cluster.gateway().getAuthority()));
  }

  private void converse(LocalCluster cluster) throws InterruptedException {
    try (TextSource gateway = new GatewaySource(cluster.gateway())) {
      say("");
      say(style.bold("POST /v1/chat/completions  ") + style.accent(REQUEST));
      FirstToken first = new FirstToken();
      TextOptions chat = TextOptions.upTo(CHAT_TOKENS).withSeed(SEED);
      tell(gateway.chat(List.of(ChatTurn.user(REQUEST)), chat, first));
      say("");
      say(style.bold("POST /v1/completions  ") + style.accent(BEGINNING));
      TextOptions completion = TextOptions.upTo(COMPLETION_TOKENS).withSeed(SEED);
      tell(gateway.complete(BEGINNING, completion, this::print));
      say("");
      say("First token %.1f s after the start.".formatted(first.after.toNanos() / 1e9));
    }
  }

  /** Prints pieces, and remembers how long after the start of this program the first came. */
  private final class FirstToken implements Consumer<String> {
    private Duration after = Duration.ZERO;

    @Override
    public void accept(String piece) {
      if (after.isZero()) {
        after = StartClock.elapsed();
      }
      print(piece);
    }
  }

  private void tell(Generated generated) {
    say("");
    say(style.faint("[" + generated.timing() + "]"));
  }

  private void showNodes(LocalCluster cluster) {
    try (GatewayGrpc gateway =
        new GatewayGrpc(cluster.gateway().getHost(), cluster.gatewayGrpcPort())) {
      NodeTable table = new NodeTable(gateway.utilisation());
      say("");
      say(
          "Which node computed how many tokens, by layer (a token counts once for each expert that saw it):");
      out.print(table.print(style));
    }
  }

  private void showApi(URI gateway) {
    say("");
    say(
        keep
            ? "The API is at " + style.accent(gateway + "/v1")
            : "The API was at " + gateway + "/v1; with --keep it stays.");
    say("  curl -N " + gateway + "/v1/chat/completions -H 'Content-Type: application/json' \\");
    say(
        "    -d '{\"model\": \"demo\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \""
            + REQUEST
            + "\"}]}'");
  }

  private void say(String line) {
    out.println(line);
  }

  private void print(String piece) {
    out.print(piece);
    out.flush();
  }
}
