package dev.consilium.router;

import dev.consilium.router.dispatch.Utilisation;
import io.grpc.Status;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How far a router process is: it answers questions about itself before its weights are loaded, and
 * requests only afterwards.
 *
 * <p>Threading: written by the thread that starts and stops the process, read by any.
 */
public final class RouterState {
  private final String name;
  private final Utilisation utilisation;
  private volatile String fingerprint = "";
  private volatile @Nullable Router router;
  private volatile boolean draining;

  public RouterState(String name, Utilisation utilisation) {
    this.name = name;
    this.utilisation = utilisation;
  }

  public String name() {
    return name;
  }

  public Utilisation utilisation() {
    return utilisation;
  }

  void loaded(Router loaded, String modelFingerprint) {
    fingerprint = modelFingerprint;
    router = loaded;
  }

  void drain() {
    draining = true;
  }

  public boolean draining() {
    return draining;
  }

  /** By which processes recognise that they serve the same model; empty until it is loaded. */
  public String fingerprint() {
    return fingerprint;
  }

  /** The router, once its weights are loaded. */
  public Optional<Router> loaded() {
    return Optional.ofNullable(router);
  }

  /**
   * The router.
   *
   * @throws io.grpc.StatusRuntimeException UNAVAILABLE while it would not serve, saying why
   */
  public Router router() {
    Optional<String> reason = notReadyReason();
    if (reason.isPresent()) {
      throw Status.UNAVAILABLE
          .withDescription("router " + name + " is not ready: " + reason.get())
          .asRuntimeException();
    }
    return loaded().orElseThrow();
  }

  /** Why a request would not be served now; empty if it would. */
  public Optional<String> notReadyReason() {
    if (draining) {
      return Optional.of("it is draining");
    }
    return loaded().map(Router::notReadyReason).orElse(Optional.of("it is loading the model"));
  }
}
