package dev.consilium.gateway.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.consilium.gateway.generation.ChatRenderer;
import dev.consilium.gateway.generation.Settings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** The body of {@code POST /v1/chat/completions}. */
public record ChatRequest(CommonOptions options, ChatRenderer.Conversation conversation) {

  /** Reads and checks a body; throws with the parameter at fault. */
  public static ChatRequest read(byte[] body, RequestLimits limits) {
    Fields fields = Fields.of(body);
    refuseUnsupported(fields);
    CommonOptions options =
        new OptionsReader(fields, limits).read(maxTokens(fields), logprobs(fields));
    ChatRenderer.Conversation conversation =
        new ChatRenderer.Conversation(messages(fields), templateVariables(fields));
    fields.refuseOthers();
    return new ChatRequest(options, conversation);
  }

  /** What changes the answer and is not there yet must not be ignored. */
  private static void refuseUnsupported(Fields fields) {
    fields.refuseUnless("tools", node -> node.isArray() && node.isEmpty());
    fields.refuseUnless("functions", node -> node.isArray() && node.isEmpty());
    fields.refuseUnless("tool_choice", ChatRequest::none);
    fields.refuseUnless("function_call", ChatRequest::none);
    fields.refuseUnless("parallel_tool_calls", JsonNode::isBoolean);
    fields.refuseUnless("response_format", node -> node.path("type").asText().equals("text"));
    fields.refuseUnless("modalities", ChatRequest::textOnly);
    for (String name :
        List.of(
            "audio",
            "prediction",
            "web_search_options",
            "reasoning_effort",
            "verbosity",
            "moderation")) {
      fields.refuseUnless(name, node -> false);
    }
  }

  private static boolean none(JsonNode node) {
    return node.asText().equals("none");
  }

  private static boolean textOnly(JsonNode node) {
    return node.isArray() && node.size() == 1 && node.get(0).asText().equals("text");
  }

  private static OptionalInt maxTokens(Fields fields) {
    OptionalInt older = fields.integer("max_tokens", 1, Integer.MAX_VALUE);
    OptionalInt newer = fields.integer("max_completion_tokens", 1, Integer.MAX_VALUE);
    if (older.isPresent() && newer.isPresent() && !older.equals(newer)) {
      throw Fields.invalid(
          "max_tokens",
          "'max_tokens' (%d) and 'max_completion_tokens' (%d) contradict each other: set one"
              .formatted(older.getAsInt(), newer.getAsInt()));
    }
    return newer.isPresent() ? newer : older;
  }

  private static OptionalInt logprobs(Fields fields) {
    boolean wanted = fields.flag("logprobs");
    OptionalInt alternatives = fields.integer("top_logprobs", 0, Settings.TOP_LOGPROBS_LIMIT);
    if (alternatives.isPresent() && !wanted) {
      throw Fields.invalid("top_logprobs", "'top_logprobs' is only allowed with 'logprobs': true");
    }
    return wanted ? OptionalInt.of(alternatives.orElse(0)) : OptionalInt.empty();
  }

  /** vLLM's name for what a template may know beside the conversation. */
  private static Map<String, Object> templateVariables(Fields fields) {
    JsonNode node = fields.node("chat_template_kwargs").orElse(null);
    if (node == null) {
      return Map.of();
    }
    if (!node.isObject()) {
      throw Fields.wrongType("chat_template_kwargs", "an object", node);
    }
    return JsonBody.plain(node);
  }

  private static List<ChatRenderer.Turn> messages(Fields fields) {
    JsonNode node = fields.required("messages");
    List<ChatRenderer.Turn> messages = new ArrayList<>();
    for (JsonNode entry : Fields.list("messages", node, RequestLimits.MESSAGES)) {
      messages.add(message(Fields.of("messages[%d]".formatted(messages.size()), entry)));
    }
    if (messages.isEmpty()) {
      throw Fields.invalid("messages", "'messages' must have at least one message; found none");
    }
    return messages;
  }

  private static ChatRenderer.Turn message(Fields fields) {
    for (String name :
        List.of("tool_calls", "tool_call_id", "function_call", "audio", "annotations")) {
      fields.refuseUnless(name, node -> node.isArray() && node.isEmpty());
    }
    fields.refuseUnless("refusal", node -> false);
    String role = Fields.text(fields.path("role"), fields.required("role"));
    if (role.isEmpty() || role.equals("tool") || role.equals("function")) {
      throw Fields.invalid(
          fields.path("role"),
          "'%s' is '%s': conversations with tools are not supported, and a role is not empty"
              .formatted(fields.path("role"), role));
    }
    String content = content(fields.path("content"), fields.required("content"));
    ChatRenderer.Turn message = new ChatRenderer.Turn(role, content, fields.text("name"));
    fields.refuseOthers();
    return message;
  }

  private static String content(String path, JsonNode node) {
    if (node.isTextual()) {
      return Fields.text(path, node);
    }
    if (!node.isArray()) {
      throw Fields.wrongType(path, "a string or an array of text parts", node);
    }
    StringBuilder text = new StringBuilder();
    int index = 0;
    for (JsonNode part : Fields.list(path, node, RequestLimits.PARTS)) {
      text.append(part(Fields.of("%s[%d]".formatted(path, index++), part)));
    }
    return text.toString();
  }

  private static String part(Fields fields) {
    String type = Fields.text(fields.path("type"), fields.required("type"));
    if (!type.equals("text")) {
      throw Fields.invalid(
          fields.path("type"),
          "'%s' is '%s': only parts of type 'text' are supported"
              .formatted(fields.path("type"), type));
    }
    String text = Fields.text(fields.path("text"), fields.required("text"));
    fields.refuseOthers();
    return text;
  }
}
