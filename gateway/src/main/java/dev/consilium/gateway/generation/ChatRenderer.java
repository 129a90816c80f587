package dev.consilium.gateway.generation;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A conversation to the text that the model continues. Any thread; may take a while. */
@FunctionalInterface
public interface ChatRenderer {

  /** One turn. */
  record Turn(String role, String content, Optional<String> name) {}

  /**
   * What is rendered.
   *
   * @param variables further ones for the template, shaped like JSON
   */
  record Conversation(List<Turn> turns, Map<String, Object> variables) {
    public Conversation {
      turns = List.copyOf(turns);
    }
  }

  /**
   * Renders a conversation up to where the answer begins.
   *
   * @throws RequestException if the model's template refuses it
   */
  String render(Conversation conversation);
}
