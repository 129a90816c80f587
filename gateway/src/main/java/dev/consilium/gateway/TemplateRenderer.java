package dev.consilium.gateway;

import dev.consilium.gateway.generation.ChatRenderer;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.RequestException;
import dev.consilium.model.chat.ChatConversation;
import dev.consilium.model.chat.ChatTemplate;
import dev.consilium.model.chat.ChatTemplateException;
import java.time.Clock;
import java.util.List;
import java.util.Map;

/** Renders conversations by the model's own template. Any thread. */
final class TemplateRenderer implements ChatRenderer {
  private final ChatTemplate template;
  private final Clock clock;

  TemplateRenderer(ChatTemplate template, Clock clock) {
    this.template = template;
    this.clock = clock;
  }

  @Override
  public String render(Conversation conversation) {
    List<Map<String, String>> messages =
        conversation.turns().stream().map(TemplateRenderer::message).toList();
    try {
      return template.render(
          new ChatConversation(messages, List.of(), true, conversation.variables(), clock));
    } catch (ChatTemplateException e) {
      throw refusal(e);
    }
  }

  private static Map<String, String> message(Turn turn) {
    return turn.name()
        .map(name -> Map.of("role", turn.role(), "content", turn.content(), "name", name))
        .orElseGet(() -> Map.of("role", turn.role(), "content", turn.content()));
  }

  private static RequestException refusal(ChatTemplateException e) {
    Fault fault =
        switch (e.reason()) {
          case REFUSED -> Fault.invalid("messages", "chat_template_refused", e.problem());
          case MISMATCH, LIMIT ->
              Fault.invalid(
                  "messages",
                  "chat_template_failed",
                  "the model's chat template cannot render this conversation: " + e.problem());
          case TEMPLATE ->
              Fault.of(Fault.Kind.INTERNAL, "chat_template_broken", String.valueOf(e.getMessage()));
        };
    return fault.exception();
  }
}
