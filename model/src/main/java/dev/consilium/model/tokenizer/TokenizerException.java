package dev.consilium.model.tokenizer;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A tokenizer file, or the native library that reads it, cannot be used. The message names the file
 * and the problem.
 */
public final class TokenizerException extends IOException {

  private static final long serialVersionUID = 1L;

  TokenizerException(Path file, String problem) {
    super(file + ": " + problem);
  }

  TokenizerException(Path file, String problem, Throwable cause) {
    super(file + ": " + problem, cause);
  }
}
