package dev.consilium.deploy.manifests;

/** A manifest that the Kubernetes API would not take. */
final class ManifestException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  ManifestException(String where, String what) {
    super(where + ": " + what);
  }
}
