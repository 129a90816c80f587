package dev.consilium.model.family;

/**
 * A model configuration that we cannot, or must not, run. The message names the field, what was
 * found and what is wanted.
 */
public final class ConfigException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  ConfigException(String message) {
    super(message);
  }
}
