package dev.consilium.gateway.http;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;

/** Text that travels in a URL's path. */
final class PathText {

  private PathText() {}

  /** What is no valid escape stands for itself. */
  static String decode(String escaped) {
    try {
      // A plus is a space in forms, not in paths.
      return URLDecoder.decode(escaped.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException malformed) {
      return escaped;
    }
  }
}
