package dev.consilium.cli.cluster;

import dev.consilium.cli.cluster.ClassCaches.Kind;
import dev.consilium.router.KvCacheDType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The command lines of a cluster's processes.
 *
 * <p>Weights and caches lie outside the Java heap, so heaps are small, and the serial collector
 * costs such heaps nothing: no threads beside those that compute.
 */
record Commands(Installation installation, ClassCaches caches, ClusterPlan plan) {

  private static final String LOOPBACK = "127.0.0.1";

  /**
   * Compile a method after four times as many calls as usual. When five JVMs start on two cores,
   * compilers are what they wait for: the first token then costs a quarter less processor time in
   * all, and the first hundred no more. Kernels pass these numbers within milliseconds.
   */
  private static final String LATER_COMPILATION = "-XX:CompileThresholdScaling=4";

  /** Which process of its kind, from 0, and its ports. */
  record Place(int index, int port) {
    String address() {
      return LOOPBACK + ":" + port;
    }
  }

  List<String> expertNode(Place place) {
    List<String> command = java(Kind.EXPERT_NODE, installation.jvmArguments(), place, "512m");
    command.addAll(
        List.of("-cp", installation.classPath(), "dev.consilium.expertnode.ExpertNodeMain"));
    command.addAll(common());
    command.add("--node.name=" + nodeName(place.index()));
    command.add("--node.host=" + LOOPBACK);
    command.add("--node.port=" + place.port());
    command.add("--node.share=" + place.index() + "/" + plan.nodes());
    command.add("--node.threads=" + plan.nodeThreads());
    command.add("--metrics.port=0");
    return command;
  }

  List<String> router(Place place, List<Place> nodes) {
    List<String> command = java(Kind.ROUTER, installation.jvmArguments(), place, "1g");
    command.addAll(List.of("-cp", installation.classPath(), "dev.consilium.router.RouterMain"));
    command.addAll(common());
    command.add("--router.name=" + routerName(place.index()));
    command.add("--router.host=" + LOOPBACK);
    command.add("--router.port=" + place.port());
    command.add("--router.nodes=" + addresses(nodes));
    command.add("--router.node-refresh=200ms");
    command.add("--router.threads=" + plan.routerThreads());
    // Left alone, it may still come from the environment.
    if (plan.kvDType() != KvCacheDType.AUTO) {
      command.add("--router.kv-dtype=" + plan.kvDType());
    }
    command.add("--metrics.port=0");
    return command;
  }

  /** The gateway takes its settings as system properties: Quarkus knows no command line. */
  List<String> gateway(Door door, List<Place> routers) {
    List<String> command =
        java(Kind.GATEWAY, installation.lightArguments(), new Place(0, door.port()), "768m");
    common().forEach(setting -> command.add("-Dconsilium." + setting.substring("--".length())));
    command.add("-Dconsilium.gateway.routers=" + addresses(routers));
    command.add("-Dconsilium.gateway.grpc-host=" + door.host());
    command.add("-Dconsilium.gateway.grpc-port=" + door.grpcPort());
    command.add("-Dquarkus.http.host=" + door.host());
    command.add("-Dquarkus.http.port=" + door.port());
    command.addAll(List.of("-jar", installation.gatewayJar().toString()));
    return command;
  }

  /** Where the gateway listens, with real ports. */
  record Door(String host, int port, int grpcPort) {}

  static String nodeName(int index) {
    return "node-" + (index + 1);
  }

  static String routerName(int index) {
    return "router-" + (index + 1);
  }

  private List<String> common() {
    Path model = plan.model().toAbsolutePath().normalize();
    return List.of("--model=" + model, "--exit-with-parent=true", "--drain-timeout=5s");
  }

  private List<String> java(Kind kind, Path arguments, Place place, String heap) {
    List<String> command = new ArrayList<>();
    command.add(installation.java().toString());
    command.add("@" + arguments);
    command.addAll(List.of("-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xmx" + heap));
    command.addAll(List.of("-XX:+ExitOnOutOfMemoryError", "-Xlog:aot=off", "-Xlog:cds=off"));
    command.add(LATER_COMPILATION);
    command.addAll(caches.options(kind, place.index() == 0));
    return command;
  }

  private static String addresses(List<Place> places) {
    return String.join(",", places.stream().map(Place::address).toList());
  }
}
