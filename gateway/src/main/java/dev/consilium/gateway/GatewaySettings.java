package dev.consilium.gateway;

import dev.consilium.serving.ByteSize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What only the gateway is configured with. The HTTP address is {@code quarkus.http.host|port}. */
@ConfigMapping(prefix = "consilium.gateway")
public interface GatewaySettings {

  /**
   * Routers, separated by commas: {@code host:port}, or {@code dns:///name:port} for every address
   * behind a name. Must be set.
   */
  Optional<List<String>> routers();

  /** The model's name in requests and answers. Unset: the name of its directory. */
  Optional<String> modelName();

  /** Address of the public gRPC service. */
  @WithDefault("0.0.0.0")
  String grpcHost();

  /** Port of the public gRPC service; 0: a free one. */
  @WithDefault("9000")
  int grpcPort();

  /** Most sequences at once; a request of n choices is n. More is refused with 429. */
  @WithDefault("256")
  int maxInFlight();

  /** Largest request, in bytes; over HTTP a larger one is refused with 413. */
  @WithDefault("8MiB")
  ByteSize maxBody();

  /** Time until a request's body must have come. */
  @WithDefault("30s")
  Duration bodyTimeout();

  /** Time until an answer must be complete; then it ends with 504. */
  @WithDefault("10m")
  Duration requestTimeout();

  /** A client that takes none of its answer for this long is cut off. */
  @WithDefault("60s")
  Duration stallTimeout();

  /** Most bytes of an answer held for a client that reads slowly; then its router waits. */
  @WithDefault("64KiB")
  ByteSize clientBuffer();

  /** How routers are watched. */
  Watch watch();

  /** How routers are watched. */
  interface Watch {
    /** Pause between two status polls of a router that serves. */
    @WithDefault("500ms")
    Duration poll();

    /** Pause between two status polls of a router that does not. */
    @WithDefault("100ms")
    Duration pollNotReady();

    /** Pause between two look-ups of router addresses. */
    @WithDefault("5s")
    Duration lookUp();
  }
}
