package dev.consilium.gateway.generation;

import java.util.List;
import java.util.Optional;

/** A conversation to the text that the model continues. Any thread; may take a while. */
@FunctionalInterface
public interface ChatRenderer {

  /** One turn. */
  record Turn(String role, String content, Optional<String> name) {}

  /**
   * Renders a conversation up to where the answer begins.
   *
   * @throws RequestException if the model's template refuses it
   */
  String render(List<Turn> turns);
}
