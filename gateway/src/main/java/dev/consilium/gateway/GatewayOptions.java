package dev.consilium.gateway;

import dev.consilium.gateway.http.Routes;
import dev.consilium.gateway.routing.RouterPool;
import dev.consilium.serving.ByteSize;
import dev.consilium.serving.ConfigException;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.serving.ProcessSettings;
import dev.consilium.serving.Target;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Settings, checked, in the shape that the parts take. */
record GatewayOptions(
    Model model,
    List<Target> routers,
    RouterPool.Timing watch,
    Duration requestTimeout,
    int maxInFlight,
    Routes.Limits http,
    Grpc grpc) {

  /** The model to serve and under which name. */
  record Model(Path directory, String name) {}

  /** The public gRPC service, and the limits of our channels. */
  record Grpc(InetSocketAddress address, GrpcLimits limits) {}

  private static final int MOST_IN_FLIGHT = 1 << 16;
  private static final int MOST_BODY = 256 << 20;
  private static final Duration LEAST_TIME = Duration.ofMillis(10);

  static GatewayOptions of(ProcessSettings process, GatewaySettings gateway) {
    return new GatewayOptions(
        model(process, gateway),
        routers(gateway.routers().orElse(List.of())),
        watch(gateway.watch()),
        time("request-timeout", gateway.requestTimeout()),
        inRange("max-in-flight", gateway.maxInFlight(), 1, MOST_IN_FLIGHT),
        new Routes.Limits(
            bytes("max-body", gateway.maxBody()),
            time("body-timeout", gateway.bodyTimeout()),
            time("stall-timeout", gateway.stallTimeout()),
            bytes("client-buffer", gateway.clientBuffer())),
        new Grpc(
            new InetSocketAddress(
                gateway.grpcHost(), inRange("grpc-port", gateway.grpcPort(), 0, 65535)),
            GrpcLimits.of(process.grpc())));
  }

  private static Model model(ProcessSettings process, GatewaySettings gateway) {
    Path directory = process.model().toAbsolutePath().normalize();
    Optional<Path> last = Optional.ofNullable(directory.getFileName());
    String name = gateway.modelName().or(() -> last.map(Path::toString)).orElse("model");
    if (name.isBlank()) {
      throw new ConfigException("consilium.gateway.model-name is blank, expected a name");
    }
    return new Model(directory, name);
  }

  private static List<Target> routers(List<String> entries) {
    try {
      List<Target> targets = entries.stream().map(Target::parse).toList();
      if (!targets.isEmpty()) {
        return targets;
      }
    } catch (IllegalArgumentException malformed) {
      throw new ConfigException("consilium.gateway.routers: " + malformed.getMessage());
    }
    throw new ConfigException(
        "consilium.gateway.routers is empty, expected host:port or dns:///name:port");
  }

  private static RouterPool.Timing watch(GatewaySettings.Watch watch) {
    return new RouterPool.Timing(
        time("watch.poll", watch.poll()),
        time("watch.poll-not-ready", watch.pollNotReady()),
        time("watch.look-up", watch.lookUp()));
  }

  private static int bytes(String key, ByteSize size) {
    return inRange(key, (int) Math.min(Integer.MAX_VALUE, size.bytes()), 1024, MOST_BODY);
  }

  private static int inRange(String key, int value, int least, int most) {
    if (value < least || value > most) {
      throw new ConfigException(
          "consilium.gateway.%s is %d, expected %d to %d".formatted(key, value, least, most));
    }
    return value;
  }

  private static Duration time(String key, Duration value) {
    if (value.compareTo(LEAST_TIME) < 0) {
      throw new ConfigException(
          "consilium.gateway.%s is %s, expected at least %s".formatted(key, value, LEAST_TIME));
    }
    return value;
  }
}
