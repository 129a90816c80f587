package dev.consilium.serving;

import java.time.Duration;

/**
 * Checked limits of gRPC servers and channels; see {@link GrpcSettings} for what each means.
 *
 * @param maxMessageBytes 1 KiB to 1 GiB
 * @param maxMetadataBytes 1 KiB to 1 MiB
 * @param flowControlWindowBytes 64 KiB to 1 GiB
 * @param keepAlive at least 10 seconds: servers cut off clients that probe more often
 * @param keepAliveTimeout above zero
 * @param maxCallsPerConnection at least 1
 * @param callTimeout above zero
 */
public record GrpcLimits(
    int maxMessageBytes,
    int maxMetadataBytes,
    int flowControlWindowBytes,
    Duration keepAlive,
    Duration keepAliveTimeout,
    int maxCallsPerConnection,
    Duration callTimeout) {

  /** The shortest time between probes that our servers put up with. */
  static final Duration LEAST_KEEP_ALIVE = Duration.ofSeconds(10);

  /** The defaults of {@link GrpcSettings}. */
  public static final GrpcLimits DEFAULT =
      new GrpcLimits(
          64 << 20,
          16 << 10,
          4 << 20,
          Duration.ofSeconds(30),
          Duration.ofSeconds(10),
          1024,
          Duration.ofSeconds(30));

  public GrpcLimits {
    inRange("consilium.grpc.max-message", maxMessageBytes, 1 << 10, 1 << 30);
    inRange("consilium.grpc.max-metadata", maxMetadataBytes, 1 << 10, 1 << 20);
    inRange("consilium.grpc.flow-control-window", flowControlWindowBytes, 64 << 10, 1 << 30);
    inRange("consilium.grpc.max-calls-per-connection", maxCallsPerConnection, 1, 1 << 20);
    atLeast("consilium.grpc.keep-alive", keepAlive, LEAST_KEEP_ALIVE);
    atLeast("consilium.grpc.keep-alive-timeout", keepAliveTimeout, Duration.ofMillis(1));
    atLeast("consilium.grpc.call-timeout", callTimeout, Duration.ofMillis(1));
  }

  /**
   * Checks settings.
   *
   * @throws ConfigException naming the key that is out of range
   */
  public static GrpcLimits of(GrpcSettings settings) {
    return new GrpcLimits(
        clamped(settings.maxMessage()),
        clamped(settings.maxMetadata()),
        clamped(settings.flowControlWindow()),
        settings.keepAlive(),
        settings.keepAliveTimeout(),
        settings.maxCallsPerConnection(),
        settings.callTimeout());
  }

  /** What does not fit an int is refused by the range check all the same. */
  private static int clamped(ByteSize size) {
    return (int) Math.min(Integer.MAX_VALUE, size.bytes());
  }

  private static void inRange(String key, int value, int least, int most) {
    if (value < least || value > most) {
      throw new ConfigException("%s is %d, expected %d to %d".formatted(key, value, least, most));
    }
  }

  private static void atLeast(String key, Duration value, Duration least) {
    if (value.compareTo(least) < 0) {
      throw new ConfigException("%s is %s, expected at least %s".formatted(key, value, least));
    }
  }
}
