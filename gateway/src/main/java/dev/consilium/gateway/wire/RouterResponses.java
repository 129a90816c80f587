package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.FinishReason;
import dev.consilium.gateway.generation.RequestException;
import dev.consilium.gateway.generation.SampledToken;
import dev.consilium.gateway.generation.TokenEvent;
import dev.consilium.gateway.routing.ExpertTokens;
import dev.consilium.gateway.routing.RouterStatus;
import dev.consilium.proto.router.v1.ExpertChoice;
import dev.consilium.proto.router.v1.Finish;
import dev.consilium.proto.router.v1.GenerateResponse;
import dev.consilium.proto.router.v1.StatusResponse;
import dev.consilium.proto.router.v1.Token;
import dev.consilium.proto.router.v1.TokenLogprob;
import dev.consilium.proto.router.v1.UtilisationResponse;
import java.util.List;
import java.util.OptionalDouble;

/** Router messages as our records; what breaks the contract is refused here. */
final class RouterResponses {

  private RouterResponses() {}

  static TokenEvent decode(GenerateResponse message, int vocabularySize) {
    return switch (message.getEventCase()) {
      case TOKEN -> token(message.getToken(), vocabularySize);
      case FINISH -> end(message.getFinish());
      case EVENT_NOT_SET -> throw broken("an event without content");
    };
  }

  private static SampledToken token(Token token, int vocabularySize) {
    OptionalDouble logprob =
        token.hasLogprob() ? OptionalDouble.of(token.getLogprob()) : OptionalDouble.empty();
    List<SampledToken.Alternative> alternatives =
        token.getTopLogprobsList().stream().map(each -> alternative(each, vocabularySize)).toList();
    List<SampledToken.ExpertChoice> experts =
        token.getExpertChoicesList().stream().map(RouterResponses::experts).toList();
    return new SampledToken(id(token.getId(), vocabularySize), logprob, alternatives, experts);
  }

  private static SampledToken.Alternative alternative(TokenLogprob message, int vocabularySize) {
    return new SampledToken.Alternative(id(message.getId(), vocabularySize), message.getLogprob());
  }

  private static SampledToken.ExpertChoice experts(ExpertChoice message) {
    return new SampledToken.ExpertChoice(
        message.getLayer(), message.getExpertsList(), message.getWeightsList());
  }

  private static int id(int id, int vocabularySize) {
    if (id < 0 || id >= vocabularySize) {
      throw broken(
          "token %s of a vocabulary of %d".formatted(Integer.toUnsignedString(id), vocabularySize));
    }
    return id;
  }

  private static TokenEvent.End end(Finish finish) {
    FinishReason reason =
        switch (finish.getReason()) {
          case FINISH_REASON_STOP -> FinishReason.STOP;
          case FINISH_REASON_LENGTH -> FinishReason.LENGTH;
          case FINISH_REASON_UNSPECIFIED, UNRECOGNIZED ->
              throw broken("finish reason " + finish.getReasonValue());
        };
    return new TokenEvent.End(reason, Math.max(0, finish.getCachedTokens()));
  }

  static RequestException broken(String what) {
    return Fault.of(
            Fault.Kind.INTERNAL, "router_contract", "a router broke its contract: it sent " + what)
        .exception();
  }

  static RouterStatus decode(StatusResponse message) {
    long total = Integer.toUnsignedLong(message.getKvBlocksTotal());
    long free = Integer.toUnsignedLong(message.getKvBlocksFree());
    long load = (long) message.getRunning() + message.getWaiting();
    return new RouterStatus(
        message.getRouter(),
        message.getModelFingerprint(),
        contextLength(message.getContextLength()),
        Math.clamp(load, 0, Integer.MAX_VALUE / 2),
        total == 0 ? 0 : Math.min(1, free / (double) total),
        message.getReady(),
        message.getNotReadyReason(),
        message.getDraining());
  }

  /** A router that does not say holds what the model does. */
  private static int contextLength(int unsigned) {
    return unsigned <= 0 ? Integer.MAX_VALUE : unsigned;
  }

  static List<ExpertTokens> decode(UtilisationResponse message) {
    return message.getCountsList().stream()
        .map(count ->
            new ExpertTokens(
                count.getLayer(), count.getExpert(), count.getNode(), count.getTokens()))
        .toList();
  }
}
