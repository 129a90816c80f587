package dev.consilium.router.wire;

import dev.consilium.proto.router.v1.GenerateRequest;
import dev.consilium.proto.router.v1.Sampling;
import dev.consilium.router.sampling.SamplingParameters;
import dev.consilium.router.scheduling.Engine;
import dev.consilium.router.scheduling.GenerationRequest;
import io.opentelemetry.context.Context;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/** Contract messages to requests of the engine. */
final class Requests {
  private static final int MOST_LOGPROBS = 20;
  private static final int MOST_BIASES = 1024;
  private static final int MOST_STOP_TOKENS = 256;

  private Requests() {}

  /**
   * @throws IllegalArgumentException for a parameter out of range, naming it
   * @throws io.grpc.StatusRuntimeException INVALID_ARGUMENT for a prompt that is too long
   */
  static GenerationRequest toGeneration(GenerateRequest request, Engine engine, Context trace) {
    engine.checkLength(request.getPromptTokensCount());
    int room = engine.contextLength() - request.getPromptTokensCount();
    atMost("stop_tokens", request.getStopTokensCount(), MOST_STOP_TOKENS);
    Set<Integer> stopTokens =
        request.getIgnoreStopTokens() ? Set.of() : Set.copyOf(request.getStopTokensList());
    return new GenerationRequest(
        prompt(request.getPromptTokensList()),
        request.hasMaxTokens() ? Math.min(unsigned(request.getMaxTokens()), room) : room,
        stopTokens,
        sampling(request.getSampling()),
        new GenerationRequest.Extras(logprobs(request), request.getExpertTrace()),
        trace);
  }

  private static int[] prompt(List<Integer> tokens) {
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }

  private static OptionalInt logprobs(GenerateRequest request) {
    if (!request.hasTopLogprobs()) {
      return OptionalInt.empty();
    }
    atMost("top_logprobs", request.getTopLogprobs(), MOST_LOGPROBS);
    return OptionalInt.of(request.getTopLogprobs());
  }

  private static SamplingParameters sampling(Sampling sampling) {
    atMost("logit_bias entries", sampling.getLogitBiasCount(), MOST_BIASES);
    return new SamplingParameters(
        sampling.getTemperature(),
        unsigned(sampling.getTopK()),
        sampling.hasTopP() ? sampling.getTopP() : 1,
        sampling.getMinP(),
        new SamplingParameters.Penalties(
            sampling.hasRepetitionPenalty() ? sampling.getRepetitionPenalty() : 1,
            sampling.getPresencePenalty(),
            sampling.getFrequencyPenalty()),
        sampling.getLogitBiasMap(),
        sampling.hasSeed() ? sampling.getSeed() : ThreadLocalRandom.current().nextLong());
  }

  /** A uint32 that Java sees as negative means the largest there is. */
  private static int unsigned(int value) {
    return value < 0 ? Integer.MAX_VALUE : value;
  }

  private static void atMost(String name, int value, int most) {
    if (value < 0 || value > most) {
      throw new IllegalArgumentException(
          name + " is " + Integer.toUnsignedString(value) + ": at most " + most + " are allowed");
    }
  }
}
