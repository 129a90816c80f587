package dev.consilium.serving;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** What all processes are configured with. */
@ConfigMapping(prefix = "consilium")
public interface ProcessSettings {

  /** Directory of the model: a Hugging Face checkpoint. */
  Path model();

  /**
   * Where to write the bound ports as JSON once the process listens; for scripts that start
   * processes on free ports. Not written if unset.
   */
  Optional<Path> announceFile();

  /** Longest wait for work in progress when the process is told to stop. */
  @WithDefault("20s")
  Duration drainTimeout();

  /**
   * Stop when standard input ends, which is when the process that started this one is gone. For
   * clusters that a program starts on its own machine.
   */
  @WithDefault("false")
  boolean exitWithParent();

  /** Least level that is logged: ERROR, WARNING, INFO, DEBUG, TRACE. */
  @WithDefault("INFO")
  System.Logger.Level logLevel();

  Metrics metrics();

  Tracing telemetry();

  GrpcSettings grpc();

  /** The Prometheus endpoint. */
  interface Metrics {

    /** Address to listen on. */
    @WithDefault("0.0.0.0")
    String host();

    /** Port of {@code /metrics}; 0: none. */
    @WithDefault("9464")
    int port();
  }

  /** Export of spans. */
  interface Tracing {

    /** Where spans go by OTLP over gRPC, such as {@code http://collector:4317}; unset: nowhere. */
    Optional<URI> otlpEndpoint();

    /** Share of requests to trace, 0 to 1, where a request brings no decision with it. */
    @WithDefault("1.0")
    double sampleRatio();
  }
}
