package dev.consilium.telemetry;

import java.net.URI;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who reports, and where to.
 *
 * @param serviceName {@code service.name}, for example {@code "consilium-expert-node"}
 * @param instance {@code service.instance.id}: tells processes of the same service apart
 * @param otlpEndpoint where spans go by OTLP over gRPC, for example {@code http://collector:4317};
 *     empty: no span is made, and trace contexts of callers pass through unchanged
 * @param sampleRatio share of the requests that start here to be traced, 0 to 1; a request that
 *     arrives with a trace context keeps the decision made for it
 */
public record TelemetryConfig(
    String serviceName, String instance, Optional<URI> otlpEndpoint, double sampleRatio) {

  public TelemetryConfig {
    if (serviceName.isBlank() || instance.isBlank()) {
      throw new IllegalArgumentException(
          "service name \"%s\" and instance \"%s\" must not be blank"
              .formatted(serviceName, instance));
    }
    if (!(sampleRatio >= 0 && sampleRatio <= 1)) {
      throw new IllegalArgumentException("sample ratio is " + sampleRatio + ", expected 0 to 1");
    }
    otlpEndpoint.ifPresent(TelemetryConfig::checkEndpoint);
  }

  /** A process that reports metrics but exports no spans. */
  public static TelemetryConfig withoutExport(String serviceName, String instance) {
    return new TelemetryConfig(serviceName, instance, Optional.empty(), 1.0);
  }

  private static void checkEndpoint(URI endpoint) {
    @Nullable String scheme = endpoint.getScheme();
    boolean http =
        scheme != null
            && (scheme.toLowerCase(Locale.ROOT).equals("http")
                || scheme.toLowerCase(Locale.ROOT).equals("https"));
    if (!http || endpoint.getHost() == null) {
      throw new IllegalArgumentException(
          "OTLP endpoint is \"" + endpoint + "\", expected http://host:port or https://host:port");
    }
  }
}
