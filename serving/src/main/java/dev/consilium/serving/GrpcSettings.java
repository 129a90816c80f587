package dev.consilium.serving;

import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Limits of gRPC servers and channels; {@code consilium.grpc} in a configuration. */
public interface GrpcSettings {

  /** Largest message taken, in bytes. A larger one ends its call with RESOURCE_EXHAUSTED. */
  @WithDefault("64MiB")
  ByteSize maxMessage();

  /** Largest request or response header block, in bytes. */
  @WithDefault("16KiB")
  ByteSize maxMetadata();

  /**
   * Bytes in flight before the receiver must acknowledge, per call. The default lets a whole
   * dispatch of 512 tokens of 2048 floats travel without a pause.
   */
  @WithDefault("4MiB")
  ByteSize flowControlWindow();

  /** Quiet time after which a connection is probed. */
  @WithDefault("30s")
  Duration keepAlive();

  /** Wait for the probe's answer before the connection counts as dead. */
  @WithDefault("10s")
  Duration keepAliveTimeout();

  /** Most calls open at once on one connection. */
  @WithDefault("1024")
  int maxCallsPerConnection();

  /** Deadline of unary calls whose caller set none. */
  @WithDefault("30s")
  Duration callTimeout();
}
