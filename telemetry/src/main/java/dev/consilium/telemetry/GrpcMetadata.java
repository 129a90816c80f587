package dev.consilium.telemetry;

import io.grpc.Metadata;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapSetter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads and writes trace contexts as gRPC metadata. */
final class GrpcMetadata implements TextMapGetter<Metadata>, TextMapSetter<Metadata> {

  static final GrpcMetadata CARRIER = new GrpcMetadata();

  private GrpcMetadata() {}

  @Override
  public Iterable<String> keys(Metadata headers) {
    return headers.keys();
  }

  @Override
  public @Nullable String get(@Nullable Metadata headers, String name) {
    return headers == null ? null : headers.get(key(name));
  }

  @Override
  public void set(@Nullable Metadata headers, String name, String value) {
    if (headers != null) {
      headers.discardAll(key(name));
      headers.put(key(name), value);
    }
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name.toLowerCase(Locale.ROOT), Metadata.ASCII_STRING_MARSHALLER);
  }
}
