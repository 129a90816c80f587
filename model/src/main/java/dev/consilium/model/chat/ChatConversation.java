package dev.consilium.model.chat;

import java.time.Clock;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;

/**
 * What a chat template renders. Values are shaped like JSON: maps with string keys, lists, strings,
 * numbers, booleans and null.
 *
 * @param messages in order; usually with {@code role} and {@code content}, for some also {@code
 *     tool_calls} and the like
 * @param tools the functions that the model may call, in the form of OpenAI's API; empty for none
 * @param addGenerationPrompt whether the text ends with the beginning of the assistant's answer
 * @param variables further variables of the template, such as {@code enable_thinking}
 * @param clock what {@code strftime_now} in the template takes for the present
 */
public record ChatConversation(
    List<? extends Map<String, ?>> messages,
    List<? extends Map<String, ?>> tools,
    boolean addGenerationPrompt,
    Map<String, ?> variables,
    Clock clock) {

  /**
   * A conversation without tools that asks for an answer, at the present time in the system's zone.
   */
  public static ChatConversation of(List<? extends Map<String, ?>> messages) {
    return new ChatConversation(
        messages, List.of(), true, Map.of(), Clock.system(ZoneId.systemDefault()));
  }
}
