package dev.consilium.gateway.http;

import dev.consilium.gateway.generation.GenerationRequest;
import dev.consilium.gateway.generation.ModelCard;
import dev.consilium.gateway.generation.ServedModel;
import dev.consilium.gateway.generation.TokenIds;
import dev.consilium.gateway.openai.AnswerFormat;
import dev.consilium.gateway.openai.AnswerHead;
import dev.consilium.gateway.openai.ChatFormat;
import dev.consilium.gateway.openai.ChatRequest;
import dev.consilium.gateway.openai.CommonOptions;
import dev.consilium.gateway.openai.CompletionFormat;
import dev.consilium.gateway.openai.CompletionRequest;
import dev.consilium.gateway.openai.Prompt;
import dev.consilium.gateway.openai.RequestLimits;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/** From a body to what the engine runs and how its answer is spelled. */
@FunctionalInterface
interface Preparation {

  /** A request understood. */
  record Prepared(
      GenerationRequest request, AnswerFormat format, CommonOptions.Streaming streaming) {}

  Prepared prepare(byte[] body, String id);

  /** For {@code /v1/chat/completions}. */
  static Preparation chat(ServedModel model, InstantSource clock) {
    RequestLimits limits = limits(model);
    return (body, id) -> {
      ChatRequest request = ChatRequest.read(body, limits);
      CommonOptions options = request.options();
      model.card().require(options.model());
      TokenIds prompt = model.render(request.conversation());
      AnswerHead head = AnswerHead.of("chatcmpl-" + id, clock.instant(), model.card());
      return new Prepared(
          generation(head, List.of(prompt), options),
          new ChatFormat(head, options, model::tokenText),
          options.streaming());
    };
  }

  /** For {@code /v1/completions}. */
  static Preparation completion(ServedModel model, InstantSource clock) {
    RequestLimits limits = limits(model);
    return (body, id) -> {
      CompletionRequest request = CompletionRequest.read(body, limits);
      CommonOptions options = request.options();
      model.card().require(options.model());
      List<TokenIds> prompts = prompts(model, request.prompts());
      AnswerHead head = AnswerHead.of("cmpl-" + id, clock.instant(), model.card());
      List<String> echoes = request.echo() ? echoes(model, request.prompts()) : List.of();
      return new Prepared(
          generation(head, prompts, options),
          new CompletionFormat(head, options, echoes, model::tokenText),
          options.streaming());
    };
  }

  private static RequestLimits limits(ServedModel model) {
    ModelCard card = model.card();
    return new RequestLimits(card.vocabularySize(), model.defaults());
  }

  private static GenerationRequest generation(
      AnswerHead head, List<TokenIds> prompts, CommonOptions options) {
    return new GenerationRequest(head.id(), prompts, options.choices(), options.settings());
  }

  private static List<TokenIds> prompts(ServedModel model, List<Prompt> prompts) {
    List<TokenIds> tokens = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      String path = prompts.size() == 1 ? "prompt" : "prompt[%d]".formatted(i);
      tokens.add(
          switch (prompts.get(i)) {
            case Prompt.Text(String text) -> model.prompt(text, path);
            case Prompt.Tokens(TokenIds ids) -> {
              model.card().requireRoomAfter(ids, path);
              yield ids;
            }
          });
    }
    return tokens;
  }

  private static List<String> echoes(ServedModel model, List<Prompt> prompts) {
    return prompts.stream()
        .map(prompt ->
            switch (prompt) {
              case Prompt.Text(String text) -> text;
              case Prompt.Tokens(TokenIds ids) -> model.tokenizer().decode(ids.toArray(), true);
            })
        .toList();
  }
}
